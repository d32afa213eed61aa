export * from "./documents.ts"
export * from "./event-body.ts"
export * from "./job-view.ts"
export * from "./signed-urls.ts"

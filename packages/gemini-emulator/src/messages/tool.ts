import { many, type MessageType, one } from "../schema/message.ts"
import { functionCallingMode } from "./enums.ts"

const empty = (message: string): MessageType => ({ message, fields: {} })

const googleSearch: MessageType = {
  message: "Tool.GoogleSearch",
  fields: {
    timeRangeFilter: one({
      message: "Interval",
      fields: { startTime: one("string"), endTime: one("string") },
    }),
    searchTypes: one({
      message: "Tool.GoogleSearch.SearchTypes",
      fields: {
        webSearch: one(empty("Tool.GoogleSearch.WebSearch")),
        imageSearch: one(empty("Tool.GoogleSearch.ImageSearch")),
      },
    }),
  },
}

export const tool: MessageType = {
  message: "Tool",
  fields: {
    googleSearch: one(googleSearch),
    urlContext: one(empty("UrlContext")),
    codeExecution: one(empty("CodeExecution")),
    functionDeclarations: many("any"),
    googleMaps: one({ message: "GoogleMaps", fields: { enableWidget: one("bool") } }),
    fileSearch: one("any"),
    computerUse: one("any"),
    googleSearchRetrieval: one("any"),
    mcpServers: many("any"),
  },
}

export const toolConfig: MessageType = {
  message: "ToolConfig",
  fields: {
    functionCallingConfig: one({
      message: "FunctionCallingConfig",
      fields: { mode: one(functionCallingMode), allowedFunctionNames: many("string") },
    }),
    retrievalConfig: one({
      message: "RetrievalConfig",
      fields: {
        latLng: one({ message: "LatLng", fields: { latitude: one("float"), longitude: one("float") } }),
        languageCode: one("string"),
      },
    }),
  },
}

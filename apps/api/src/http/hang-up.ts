/** The caller hung up while its body was read: nobody is there to be answered. */
export class HangUp extends Error {
  override name = "HangUp"

  constructor(options?: ErrorOptions) {
    super("The caller hung up", options)
  }
}

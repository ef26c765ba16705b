/**
 * The messages of a request stream, one by one, and none before it is asked for: what is not asked for stays
 * in the HTTP/2 window, which holds the client back.
 */
export interface RequestReader {
  /** Called when there may be a message, or the end, after `read` gave nothing. Set by the one who reads. */
  onReadable: () => void;
  /** No message comes any more: the client has half-closed or is gone, or `stop` was called. */
  readonly over: boolean;
  /**
   * The next message; undefined where none is there, or none will be.
   *
   * @throws DepthcastError where what comes is no message that may be taken; nothing may be read after it.
   */
  read(): Buffer | undefined;
  /** Reads no further. */
  stop(): void;
}

import { Dialect } from "../../broadcast/consumer.ts";
import { SharedLayouts } from "../shared-layouts.ts";
import { frameHeaderLength, Opcode, writeFrameHeader } from "./websocket-frame.ts";

/**
 * Puts what one flush has for a client into frames. JSON: a frame for each piece. Binary: pieces in one
 * `WebSocketResponse{ updates }`, and in more than one where it would pass `responseBytesMax`.
 */

/** Up to this size a payload is copied behind its header; beyond it is written from where it lies. */
const COPIED_BYTES_MAX = 16 * 1024;
/** Field 1 (`updates`), length-delimited, in front of the pieces. */
const UPDATES_TAG = 0x0a;

/** The bytes of one flush for a client. */
export interface Frames {
  readonly buffers: readonly Buffer[];
  readonly byteLength: number;
}
export type SharedFrames = { readonly [D in Dialect]: SharedLayouts<Frames> };

/** Frames that clients share: unmasked, as they are from a server, they are the same for each. */
export function createSharedFrames(responseBytesMax: number): SharedFrames {
  const framesIn = (dialect: Dialect) =>
    new SharedLayouts((pieces) => {
      const buffers = layOutFrames(dialect, pieces, responseBytesMax);
      let byteLength = 0;
      for (const buffer of buffers) byteLength += buffer.length;
      return { buffers, byteLength };
    });
  return { json: framesIn(Dialect.json), proto: framesIn(Dialect.proto) };
}

/** The buffers to write, in order. None of them is a shared piece that a caller may change. */
export function layOutFrames(
  dialect: Dialect,
  pieces: readonly Uint8Array[],
  responseBytesMax: number,
): Buffer[] {
  const layout = new FrameLayout();
  if (dialect === Dialect.json) {
    for (const piece of pieces) layout.text(piece);
  } else {
    for (let from = 0; from < pieces.length; ) {
      const to = endOfResponse(pieces, from, responseBytesMax);
      layout.updates(pieces, from, to);
      from = to;
    }
  }
  return layout.finish();
}

/** Pieces `from` to before the answer fit one response; one that is larger alone has its own. */
function endOfResponse(pieces: readonly Uint8Array[], from: number, responseBytesMax: number): number {
  let bytes = 0;
  let to = from;
  for (; to < pieces.length; to += 1) {
    bytes += (pieces[to] as Uint8Array).length;
    if (bytes > responseBytesMax && to > from) break;
  }
  return to;
}

/** Collects small parts into one buffer and leaves large ones where they are. */
class FrameLayout {
  readonly #buffers: Buffer[] = [];
  #small: Uint8Array[] = [];
  #smallBytes = 0;

  text(piece: Uint8Array): void {
    const header = Buffer.allocUnsafe(frameHeaderLength(piece.length));
    writeFrameHeader(header, 0, Opcode.text, piece.length);
    this.#add(header);
    this.#add(piece);
  }

  updates(pieces: readonly Uint8Array[], from: number, to: number): void {
    let updatesBytes = 0;
    for (let i = from; i < to; i += 1) updatesBytes += (pieces[i] as Uint8Array).length;
    const prefixBytes = 1 + varintLength(updatesBytes);
    const payloadBytes = prefixBytes + updatesBytes;
    const header = Buffer.allocUnsafe(frameHeaderLength(payloadBytes) + prefixBytes);
    const at = writeFrameHeader(header, 0, Opcode.binary, payloadBytes);
    header[at] = UPDATES_TAG;
    writeVarint(header, at + 1, updatesBytes);
    this.#add(header);
    for (let i = from; i < to; i += 1) this.#add(pieces[i] as Uint8Array);
  }

  finish(): Buffer[] {
    this.#flushSmall();
    return this.#buffers;
  }

  #add(part: Uint8Array): void {
    if (part.length > COPIED_BYTES_MAX) {
      this.#flushSmall();
      this.#buffers.push(Buffer.from(part.buffer, part.byteOffset, part.byteLength));
      return;
    }
    this.#small.push(part);
    this.#smallBytes += part.length;
  }

  #flushSmall(): void {
    if (this.#smallBytes === 0) return;
    this.#buffers.push(Buffer.concat(this.#small, this.#smallBytes));
    this.#small = [];
    this.#smallBytes = 0;
  }
}

function varintLength(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest = Math.floor(rest / 0x80)) length += 1;
  return length;
}

function writeVarint(target: Buffer, offset: number, value: number): void {
  let at = offset;
  let rest = value;
  for (; rest > 0x7f; rest = Math.floor(rest / 0x80)) {
    target[at] = (rest & 0x7f) | 0x80;
    at += 1;
  }
  target[at] = rest;
}

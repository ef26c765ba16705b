/**
 * Reads the protobuf wire format from bytes of a stranger: every read is checked against the end, and
 * nothing is allocated. One reader is reused for all messages of a thread.
 */

export const WireType = {
  varint: 0,
  fixed64: 1,
  lengthDelimited: 2,
  startGroup: 3,
  endGroup: 4,
  fixed32: 5,
} as const;

/** As in other protobuf implementations: deeper nesting of unknown groups is malformed. */
const GROUP_DEPTH_MAX = 100;

/** Thrown for bytes that are not protobuf; the decoder turns it into the error of its message. */
export class MalformedWireError extends Error {
  override readonly name = "MalformedWireError";
}

export class WireReader {
  bytes: Uint8Array = new Uint8Array(0);
  position = 0;
  end = 0;
  /** The words of the varint or fixed64 that was read last. */
  low = 0;
  high = 0;
  readonly #openGroups = new Uint32Array(GROUP_DEPTH_MAX);

  /** Begins the message in the first `end` bytes; with an empty one no bytes are held between two. */
  reset(bytes: Uint8Array, end: number = bytes.length): void {
    this.bytes = bytes;
    this.position = 0;
    this.end = end;
  }

  /** Reads a tag, which is `fieldNumber << 3 | wireType`, never with field number 0. */
  tag(): number {
    const tag = this.varint32();
    if (tag >>> 3 === 0 || this.high !== 0) throw new MalformedWireError("illegal tag");
    return tag;
  }

  /** Reads a varint into `low` and `high`, and returns `low` unsigned. */
  varint32(): number {
    const byte = this.position < this.end ? (this.bytes[this.position] as number) : -1;
    if (byte >= 0 && byte < 0x80) {
      this.position += 1;
      this.high = 0;
      this.low = byte;
      return byte;
    }
    this.varint();
    return this.low >>> 0;
  }

  /** Reads a varint into `low` and `high`. */
  varint(): void {
    const { bytes, end } = this;
    let position = this.position;
    let low = 0;
    let high = 0;
    let shift = 0;
    for (;;) {
      if (position >= end) throw new MalformedWireError("a number is cut off");
      const byte = bytes[position++] as number;
      const bits = byte & 0x7f;
      if (shift < 28) low |= bits << shift;
      else if (shift === 28) {
        low |= bits << 28;
        high |= bits >>> 4;
      } else high |= bits << (shift - 32);
      if (byte < 0x80) break;
      shift += 7;
      if (shift > 63) throw new MalformedWireError("a number is longer than 10 bytes");
    }
    this.position = position;
    this.low = low;
    this.high = high;
  }

  /** Reads a fixed64 into `low` and `high`. */
  fixed64(): void {
    const { bytes, position } = this;
    this.skipBytes(8);
    this.low = littleEndian(bytes, position);
    this.high = littleEndian(bytes, position + 4);
  }

  /** Reads a length and returns where what follows ends; it starts at `position`. */
  lengthDelimitedEnd(): number {
    const byteLength = this.varint32();
    if (this.high !== 0 || byteLength > this.end - this.position) {
      throw new MalformedWireError("a field is cut off");
    }
    return this.position + byteLength;
  }

  /** Skips the value of an unknown field, whole groups included. */
  skip(tag: number): void {
    let depth = 0;
    let current = tag;
    for (;;) {
      depth = this.#skipOne(current, depth);
      if (depth === 0) return;
      current = this.tag();
    }
  }

  #skipOne(tag: number, depth: number): number {
    switch (tag & 7) {
      case WireType.varint:
        this.varint();
        return depth;
      case WireType.fixed64:
        this.skipBytes(8);
        return depth;
      case WireType.lengthDelimited:
        this.position = this.lengthDelimitedEnd();
        return depth;
      case WireType.fixed32:
        this.skipBytes(4);
        return depth;
      case WireType.startGroup:
        if (depth === GROUP_DEPTH_MAX) throw new MalformedWireError("groups are nested too deep");
        this.#openGroups[depth] = tag >>> 3;
        return depth + 1;
      case WireType.endGroup:
        if (depth === 0 || this.#openGroups[depth - 1] !== tag >>> 3) {
          throw new MalformedWireError("a group ends that has not begun");
        }
        return depth - 1;
      default:
        throw new MalformedWireError("illegal wire type");
    }
  }

  skipBytes(count: number): void {
    if (count > this.end - this.position) throw new MalformedWireError("a field is cut off");
    this.position += count;
  }
}

function littleEndian(bytes: Uint8Array, at: number): number {
  return (
    (bytes[at] as number) |
    ((bytes[at + 1] as number) << 8) |
    ((bytes[at + 2] as number) << 16) |
    ((bytes[at + 3] as number) << 24)
  );
}

import { expect, test } from "vitest";
import { OrderAction, Side } from "../../../src/book/order-events.ts";
import { parseEventLine } from "../../../src/cli/ingest/event-line.ts";

const scales = { priceScale: 4, quantityScale: 0 };

test.each([
  [
    '{"i":3,"op":"add","id":"11534792","side":"bid","price":2237500,"qty":100,"feed":"seed"}',
    { action: OrderAction.add, orderId: 11534792n, side: Side.bid, price: 2237500, quantity: 100 },
  ],
  [
    '{"op":"add","id":"db32e2a2-aa29","side":"ask","price":"412.75","qty":"4"}',
    { action: OrderAction.add, orderKey: "db32e2a2-aa29", side: Side.ask, price: 4127500, quantity: 4 },
  ],
  ['{"op":"upd","id":7,"qty":60}', { action: OrderAction.update, orderId: 7n, quantity: 60 }],
  ['{"op":"upd","id":"7","price":"-1"}', { action: OrderAction.update, orderId: 7n, price: -10000 }],
  ['{"op":"del","id":"18446744073709551615"}', { action: OrderAction.delete, orderId: 2n ** 64n - 1n }],
  // What is no number in its one form from 1 to 2^64 - 1 is a key, so that no two ids become one.
  [
    '{"op":"del","id":"18446744073709551616"}',
    { action: OrderAction.delete, orderKey: "18446744073709551616" },
  ],
  ['{"op":"del","id":"007"}', { action: OrderAction.delete, orderKey: "007" }],
  ['{"op":"del","id":"0"}', { action: OrderAction.delete, orderKey: "0" }],
])("%s", (line, event) => {
  expect(parseEventLine(line, scales)).toEqual({ type: "event", event });
});

test("a check", () => {
  const line = '{"i":9,"op":"check","bids":[[2237500,100],["1.5",1]],"asks":[],"full":false}';
  const bids = [
    { price: 2237500, quantity: 100 },
    { price: 15000, quantity: 1 },
  ];
  expect(parseEventLine(line, scales)).toEqual({ type: "check", check: { bids, asks: [] } });
});

test.each([
  ["{]", "it is not JSON"],
  ["[]", "it is not a JSON object"],
  ['{"op":"trade"}', '"op" must be add, upd, del or check, not "trade"'],
  ['{"op":"del","id":""}', '"id" must be a string or a whole number'],
  ['{"op":"add","id":"1","side":"buy","price":1,"qty":1}', '"side" must be bid or ask, not "buy"'],
  [
    '{"op":"add","id":"1","side":"bid","price":1.5,"qty":1}',
    "price must be a whole number (a mantissa) or a decimal string",
  ],
  [
    '{"op":"add","id":"1","side":"bid","price":"1.23456","qty":1}',
    'price "1.23456" has 5 digits after the point, and the scale is 4',
  ],
])("%s is refused: %s", (line, message) => {
  expect(() => parseEventLine(line, scales)).toThrow(message);
});

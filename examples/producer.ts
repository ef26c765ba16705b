import { connect, Side } from "depthcast/client";

const [address = "grpc://127.0.0.1:50051"] = process.argv.slice(2);
const client = connect(address);
const producer = await client.producer("first-minute", {
  symbol: "ACME",
  define: { priceScale: 2, quantityScale: 0 },
  onRejected: ({ id, detail }) => console.warn(`order ${id} was refused: ${detail}`),
});

await producer.clear();
await producer.add(1, { side: Side.bid, price: "100.25", quantity: "300" });
await producer.add(2, { side: Side.ask, price: "100.30", quantity: "100" });
await producer.add("by-key", { side: Side.ask, price: "100.20", quantity: "5" }); // would cross the bid
await producer.update(1, { quantity: "250" });
await producer.flush(); // all of it is durable and applied

const { acceptedEvents, rejectedEvents } = await producer.close();
console.log(`${acceptedEvents} events accepted, ${rejectedEvents} refused`);
client.close();

import { connect } from "depthcast/client";

const [address = "grpc://127.0.0.1:50051", symbol = "BTC-USD"] = process.argv.slice(2);
const client = connect(address);
process.once("SIGINT", () => client.close());

const book = await client.watch(symbol, { depth: 20 });
for await (const { status, skipped } of book) {
  const { bestBid, bestAsk, spread, sequence } = book;
  const prices = ["bid", bestBid?.price.text, "ask", bestAsk?.price.text, "spread", spread?.text];
  console.log(symbol, status, ...prices, `at sequence ${sequence}, ${skipped} states skipped`);
}

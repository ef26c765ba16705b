/** `TEST_GATEWAYS=2 TEST_ENGINES=2` runs every test's server on threads. */
export const testThreads = {
  gateways: Number(process.env["TEST_GATEWAYS"] ?? 0),
  engines: Number(process.env["TEST_ENGINES"] ?? 1),
};

// Links this clone's own command, so that `npx depthcast` runs it at once: npm links only the commands of
// dependencies, and npx would first install the clone into its cache, asking for leave. Run by `prepare`.
import { mkdirSync, rmSync, symlinkSync } from "node:fs";

// A symbolic link to a script starts nothing on Windows, where npx then takes the longer way.
if (process.platform !== "win32") {
  const link = new URL("../node_modules/.bin/depthcast", import.meta.url);
  mkdirSync(new URL(".", link), { recursive: true });
  rmSync(link, { force: true });
  symlinkSync("../../bin/depthcast.js", link);
}

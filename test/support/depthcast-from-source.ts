import { registerHooks } from "node:module";
import { depthcastSources } from "./depthcast-sources.ts";

/** For `node --import`: the package `depthcast` is the sources here, so that examples run without a build. */
registerHooks({
  resolve: (specifier, context, nextResolve) =>
    nextResolve(depthcastSources.get(specifier) ?? specifier, context),
});

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync } from "node:zlib";

/** Beside the project, for a checkout that has the data as its neighbour. */
const besideTheProject = fileURLToPath(new URL("../../../shared/data", import.meta.url));

/** Where the real market data are; undefined where there are none, and the tests are skipped. */
export const dataDirectory: string | undefined = [process.env["DEPTHCAST_DATA"] ?? "", besideTheProject].find(
  (directory) => directory !== "" && existsSync(directory),
);

/** A line of a data file with its number in the file, from 1. */
export interface DataLine {
  readonly number: number;
  readonly text: string;
}

/** The lines of a gzipped data file that are not empty. @throws Error where the file is missing. */
export function readDataLines(fileName: string): DataLine[] {
  if (dataDirectory === undefined) throw new Error("there are no real market data");
  return gunzipSync(readFileSync(join(dataDirectory, fileName)))
    .toString("utf8")
    .split("\n")
    .map((text, index) => ({ number: index + 1, text }))
    .filter(({ text }) => text !== "");
}

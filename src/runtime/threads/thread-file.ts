/**
 * The file that a thread starts with, beside the module at `moduleUrl`: the source where that runs from source,
 * the built one where that is built.
 */
export function threadFile(name: string, moduleUrl: string): URL {
  const extension = moduleUrl.slice(moduleUrl.lastIndexOf("."));
  return new URL(`./${name}${extension}`, moduleUrl);
}

import { describe, expect, it } from "vitest";
import { binanceJudge, readBinanceCapture } from "./binance-capture.ts";
import { dataDirectory } from "./data-directory.ts";
import { EngineReplay } from "./engine-replay.ts";
import type { Judge, Scales } from "./held-top.ts";
import {
  KRAKEN_CHECKSUM_LEVELS,
  type KrakenFormat,
  krakenFormats,
  krakenJudge,
  readKrakenCapture,
} from "./kraken-capture.ts";
import { type LevelMessage, scalesBySymbol } from "./level-message.ts";
import { type LevelForm, levelForms, LevelSource } from "./level-source.ts";
import { OKEX_CHECKSUM_LEVELS, okexJudge, readOkexCapture } from "./okex-capture.ts";

/**
 * Price levels as the exchanges told them, one batch a message: after each the book is what the exchange
 * says of it. Returns how many messages had an answer; the first wrong one throws, as does a refused event.
 */
async function replayLevels<Message extends LevelMessage>(
  form: LevelForm,
  messages: readonly Message[],
  levels: number,
  judgeOf: (message: Message, scales: Scales) => Judge | undefined,
): Promise<number> {
  const scales = scalesBySymbol(messages);
  const sources = new Map(Array.from(scales, ([symbol, own]) => [symbol, new LevelSource(form, own)]));
  const replay = await EngineReplay.open("flag", scales);
  let right = 0;
  for (const message of messages) {
    const { symbol, line } = message;
    await replay.send(symbol, (sources.get(symbol) as LevelSource).events(message));
    const judge = judgeOf(message, scales.get(symbol) as Scales);
    if (judge === undefined) continue;
    const wrong = judge(replay.top(symbol, levels));
    if (wrong !== undefined) throw new Error(`${symbol}, line ${line}: ${wrong}`);
    right += 1;
  }
  replay.checkup();
  for (const [symbol, source] of sources) expect(replay.whole(symbol)).toEqual(source.whole());
  const { acceptedEvents, checkups } = replay;
  process.stdout.write(
    `${form}: ${right} answers right, ${acceptedEvents} events, none refused, ${checkups} checkups\n`,
  );
  return right;
}

describe.skipIf(dataDirectory === undefined).each(levelForms)("levels through the engine as %s", (form) => {
  it("have Kraken's checksum after each update", async () => {
    const messages = readKrakenCapture();
    const formats = krakenFormats(messages);
    const right = await replayLevels(form, messages, KRAKEN_CHECKSUM_LEVELS, (message) =>
      krakenJudge(message, formats.get(message.symbol) as KrakenFormat),
    );
    expect(right).toBe(4269);
  });

  it("have OKEx's checksum after each message", async () => {
    const messages = readOkexCapture();
    expect(await replayLevels(form, messages, OKEX_CHECKSUM_LEVELS, okexJudge)).toBe(1504);
  });

  it("have Binance's best bid and ask after each update", async () => {
    const messages = readBinanceCapture();
    expect(await replayLevels(form, messages, 1, binanceJudge)).toBe(3449);
    // Told for this very update id; the others for one before, with no change of the best since.
    expect(messages.filter(({ best, updateId }) => best?.u === updateId)).toHaveLength(564);
  });
});

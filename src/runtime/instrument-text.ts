import { CrossPolicy, type Instrument } from "../book/instrument.ts";
import { LIMITS, SYMBOL_PATTERN } from "../limits.ts";

/**
 * An instrument written as `SYMBOL:PRICE_SCALE:QUANTITY_SCALE[:reject|flag]`; a string says what is wrong.
 */
export function parseInstrumentText(text: string): Instrument | string {
  const [symbol = "", priceText, quantityText, policyText = "reject", ...rest] = text.split(":");
  if (quantityText === undefined || rest.length > 0) {
    return "must be SYMBOL:PRICE_SCALE:QUANTITY_SCALE[:reject|flag], such as BTC-USD:2:8";
  }
  if (!SYMBOL_PATTERN.test(symbol)) return `the symbol must match ${SYMBOL_PATTERN.source}`;
  const priceScale = parseScale(priceText);
  const quantityScale = parseScale(quantityText);
  if (priceScale === undefined || quantityScale === undefined) {
    return `the scales must be whole numbers from 0 to ${LIMITS.scaleMax.max}`;
  }
  const crossPolicy = parseCrossPolicy(policyText);
  if (crossPolicy === undefined) return "the crossing policy must be reject or flag";
  return { symbol, priceScale, quantityScale, crossPolicy, tickSize: 0, lotSize: 0, description: "" };
}

export function parseCrossPolicy(text: string): CrossPolicy | undefined {
  return text === "reject" || text === "flag" ? CrossPolicy[text] : undefined;
}

/** Digits after the point, 0 to 15. */
export function parseScale(text: string | undefined): number | undefined {
  if (text === undefined || !/^[0-9]{1,2}$/.test(text)) return undefined;
  const scale = Number(text);
  return scale <= LIMITS.scaleMax.max ? scale : undefined;
}

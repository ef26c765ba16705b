import type { Ladder } from "./ladder.ts";
import { Side } from "./order-events.ts";
import { BLOCK_PAGES_MAX } from "./page-directory.ts";
import { PAGE_QUADS, PAGE_TICKS } from "./page-store.ts";

/**
 * Walks a ladder best first and checks all that leads to its levels: blocks, pages, page table, bitmaps,
 * quads and the ways back, the best rank and the counts.
 *
 * @returns the handles of all levels.
 */
export function checkLadderStructure(ladder: Ladder, report: (fault: string) => void): Set<number> {
  const name = ladder.side === Side.bid ? "bids" : "asks";
  const fault = (what: string): void => report(`${name}: ${what}`);
  const handles = new Set<number>();
  const pages = checkDirectory(ladder, fault);
  let quads = 0;
  for (const page of pages) quads += checkPage(ladder, page, handles, fault);
  if (ladder.levels.live !== quads) fault(`${ladder.levels.live} quads are counted, ${quads} are reached`);
  if (ladder.levelCount !== handles.size) {
    fault(`${ladder.levelCount} levels are counted, ${handles.size} are reached`);
  }
  checkPageTable(ladder, new Set(pages), fault);
  const first = handles.values().next();
  const bestRank = first.done === true ? Number.POSITIVE_INFINITY : ladder.rankAt(first.value);
  if (ladder.bestRank !== bestRank) fault(`best rank is ${ladder.bestRank}, must be ${bestRank}`);
  return handles;
}

/** The pages in order of the directory. */
function checkDirectory({ directory, pages }: Ladder, fault: (what: string) => void): number[] {
  const ordered: number[] = [];
  let last = Number.NEGATIVE_INFINITY;
  for (const [index, block] of directory.blocks.entries()) {
    if (block.length < 1 || block.length > BLOCK_PAGES_MAX || block.length > block.numbers.length) {
      fault(`block ${index} has length ${block.length}`);
    }
    if (directory.firsts[index] !== block.numbers[0]) fault(`block ${index} has another first number`);
    for (let at = 0; at < block.length; at++) {
      const number = block.numbers[at]!;
      const page = block.pages[at]!;
      if (!(number > last)) fault(`page number ${number} stands after ${last}`);
      last = number;
      const found = pages.find(number);
      if (found !== page) fault(`page number ${number} is page ${page}, the page table says ${found}`);
      if (found !== 0 && pages.number(found) !== number) fault(`page ${found} has another number`);
      if (found !== 0) ordered.push(found);
    }
  }
  return ordered;
}

/** Adds the page's handles in order of rank; returns how many quads it has. */
function checkPage(
  { pages, levels }: Ladder,
  page: number,
  handles: Set<number>,
  fault: (what: string) => void,
): number {
  const bitmap = pages.bitmap(page);
  if (bitmap === 0) fault(`page number ${pages.number(page)} has no level`);
  let quads = 0;
  for (let index = 0; index < PAGE_QUADS; index++) {
    const quad = pages.quad(page, index);
    const hasLevels = ((bitmap >>> (index * 4)) & 15) !== 0;
    if (hasLevels !== (quad !== 0)) fault(`page number ${pages.number(page)}: quad ${index} is ${quad}`);
    if (quad === 0) continue;
    quads += 1;
    if (levels.owner(quad) !== page * PAGE_QUADS + index) fault(`quad ${quad} has another owner`);
    for (let tick = 0; tick < 4; tick++) {
      const handle = quad * 4 + tick;
      const isOpen = ((bitmap >>> (index * 4 + tick)) & 1) === 1;
      if (isOpen) handles.add(handle);
      else if (levels.total(handle) !== 0 || levels.count(handle) !== 0 || levels.nameless(handle) !== 0) {
        fault(`rank ${pages.number(page) * PAGE_TICKS + index * 4 + tick} has no level and is not empty`);
      }
    }
  }
  return quads;
}

function checkPageTable(
  { pages }: Ladder,
  ordered: ReadonlySet<number>,
  fault: (what: string) => void,
): void {
  let entries = 0;
  for (const page of pages.table.slots()) {
    entries += 1;
    if (!ordered.has(page)) fault(`the page table holds page ${page}, the directory does not`);
  }
  if (entries !== pages.live || entries !== ordered.size) {
    fault(
      `the page table has ${entries} entries and counts ${pages.live}, the directory has ${ordered.size}`,
    );
  }
}

/** Future events, earliest first: a binary heap. */
export class EventQueue<Event extends { readonly at: number }> {
  readonly #heap: Event[] = [];

  push(event: Event): void {
    const heap = this.#heap;
    let index = heap.push(event) - 1;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (at(heap, parent).at <= event.at) break;
      heap[index] = at(heap, parent);
      index = parent;
    }
    heap[index] = event;
  }

  /** Removes the earliest; undefined if nothing is left. */
  pop(): Event | undefined {
    const first = this.#heap[0];
    const last = this.#heap.pop();
    if (last !== undefined && last !== first) this.#sink(last);
    return first;
  }

  /** Replaces the event at the top, and moves it down to its place. */
  #sink(event: Event): void {
    const heap = this.#heap;
    let index = 0;
    for (let child = earlierChild(heap, 0); child !== undefined; child = earlierChild(heap, index)) {
      if (at(heap, child).at >= event.at) break;
      heap[index] = at(heap, child);
      index = child;
    }
    heap[index] = event;
  }
}

function earlierChild(heap: readonly { readonly at: number }[], index: number): number | undefined {
  const left = 2 * index + 1;
  if (left >= heap.length) return undefined;
  const right = left + 1;
  return right < heap.length && at(heap, right).at < at(heap, left).at ? right : left;
}

function at<Event>(heap: readonly Event[], index: number): Event {
  const event = heap[index];
  if (event === undefined) throw new RangeError(`no event at ${index}`);
  return event;
}

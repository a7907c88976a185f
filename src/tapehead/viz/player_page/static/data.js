// A recording as Python's `pack` writes it: gzip of (header length, header, arrays).

const TYPES = { f4: Float32Array, f2: Uint16Array, u4: Uint32Array, i4: Int32Array, i2: Int16Array, u1: Uint8Array };
const VERSION = 1;
const SNAPSHOT_STEPS = 32;

function fromBase64(text) {
  const letters = atob(text.trim());
  const bytes = new Uint8Array(letters.length);
  for (let i = 0; i < letters.length; i++) bytes[i] = letters.charCodeAt(i);
  return bytes;
}

/** The header of a recording in base64, with `arrays`: name -> { shape, data }. */
export async function unpack(text) {
  const stream = new Blob([fromBase64(text)]).stream().pipeThrough(new DecompressionStream("gzip"));
  const buffer = await new Response(stream).arrayBuffer();
  const size = new DataView(buffer).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(buffer, 4, size)));
  if (header.version !== VERSION) throw new Error(`the recording has version ${header.version}, not ${VERSION}`);
  const arrays = {};
  for (const [name, { dtype, shape, offset }] of Object.entries(header.arrays)) {
    const count = shape.reduce((product, axis) => product * axis, 1);
    arrays[name] = { shape, data: new TYPES[dtype](buffer, 4 + size + offset, count) };
  }
  return { ...header, arrays };
}

let halves = null;

/** All 65,536 half-precision numbers, by their bits. */
function halfTable() {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const exponent = (bits >> 10) & 31, fraction = bits & 1023;
    let size;
    if (exponent === 0) size = fraction * 2 ** -24;
    else if (exponent === 31) size = fraction ? NaN : Infinity;
    else size = (1 + fraction / 1024) * 2 ** (exponent - 15);
    halves[bits] = bits & 32768 ? -size : size;
  }
  return halves;
}

/** Memory or links, stored as the rows that each step changes; `at(step)` gives all rows after a step. */
export class Replay {
  constructor(recording, name) {
    const { arrays } = recording;
    this.counts = arrays[`${name}_counts`].data;
    this.rows = arrays[`${name}_rows`].data;
    this.values = arrays[`${name}_values`].data;
    this.width = arrays[`${name}_values`].shape[1];
    this.half = halfTable();
    const rows = name === "link" ? recording.slots ** 2 : recording.slots;
    this.current = new Float32Array(rows * this.width);
    this.step = -1;
    this.place = 0;
    this.snapshots = [{ step: -1, place: 0, values: this.current.slice() }];
  }

  at(step) {
    if (step < this.step) {
      const past = this.snapshots[Math.floor((step + 1) / SNAPSHOT_STEPS)];
      this.current.set(past.values);
      this.step = past.step;
      this.place = past.place;
    }
    while (this.step < step) this.forward();
    return this.current;
  }

  forward() {
    this.step += 1;
    const { rows, values, width, current, half } = this;
    const end = this.place + this.counts[this.step];
    for (; this.place < end; this.place++) {
      const to = rows[this.place] * width, from = this.place * width;
      for (let i = 0; i < width; i++) current[to + i] = half[values[from + i]];
    }
    const taken = (this.step + 1) / SNAPSHOT_STEPS;
    if (taken === this.snapshots.length) {
      this.snapshots.push({ step: this.step, place: this.place, values: current.slice() });
    }
  }
}

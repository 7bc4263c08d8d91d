// A table of very many tags, to be looked for among more of them still.
//
// Tags in it are digests that nobody chose, so their first bits say where they stand; a Map of as
// many texts would take several times the memory and the time.

const WORDS = 4; // a tag is four 32-bit words

export class TagTable {
  #words = new Uint32Array(WORDS * 1024);
  #owners = []; // of each tag: whose it is, and which number there
  #numbers = [];
  #slots = null; // by the first bits: number of the tag, from 1

  add(tag, owner, number) {
    const at = this.#owners.length * WORDS;
    if (at === this.#words.length) {
      const wider = new Uint32Array(2 * at);
      wider.set(this.#words);
      this.#words = wider;
    }
    const view = new DataView(tag.buffer, tag.byteOffset, tag.length);
    for (let i = 0; i < WORDS; i += 1) this.#words[at + i] = view.getUint32(4 * i);
    this.#owners.push(owner);
    this.#numbers.push(number);
    this.#slots = null;
  }

  // Where tags of the table stand in `tags`, which has `each` of them for an entry.
  *found(tags, each) {
    if (this.#slots === null) this.#build();
    const view = new DataView(tags.buffer, tags.byteOffset, tags.length);
    for (let at = 0; at < tags.length; at += 4 * WORDS) {
      const i = this.#find(view, at);
      if (i < 0) continue;
      const entry = Math.floor(at / (each * 4 * WORDS));
      yield { entry, owner: this.#owners[i], number: this.#numbers[i] };
    }
  }

  #build() {
    let size = 1024;
    while (size < 2 * this.#owners.length) size *= 2;
    this.#slots = new Int32Array(size);
    for (let i = 0; i < this.#owners.length; i += 1) {
      let slot = this.#words[WORDS * i] & (size - 1);
      while (this.#slots[slot]) slot = (slot + 1) & (size - 1);
      this.#slots[slot] = i + 1;
    }
  }

  #find(view, at) {
    const mask = this.#slots.length - 1;
    const first = view.getUint32(at);
    for (let slot = first & mask; this.#slots[slot]; slot = (slot + 1) & mask) {
      const i = this.#slots[slot] - 1;
      const word = WORDS * i;
      if (
        this.#words[word] === first &&
        this.#words[word + 1] === view.getUint32(at + 4) &&
        this.#words[word + 2] === view.getUint32(at + 8) &&
        this.#words[word + 3] === view.getUint32(at + 12)
      ) {
        return i;
      }
    }
    return -1;
  }
}

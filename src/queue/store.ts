/**
 * Numbers in Redis, beside the jobs that are about them: too large for a job, which is JSON. Values are cut into pieces, so
 * that no command holds the server for long; each has its CRC-32 in front. All of them go by themselves after a day.
 */
import { crc32 } from 'node:zlib';

import type * as IoRedis from 'ioredis';

const PIECE = 8 * 2 ** 20;
const KEPT_FOR_SECONDS = 24 * 3600;

export class Store {
  readonly #redis: IoRedis.Redis;
  readonly #prefix: string;

  constructor(redis: IoRedis.Redis, queue: string) {
    this.#redis = redis;
    this.#prefix = `deepntk:${queue}`;
  }

  #key(name: string, piece: number): string {
    return `${this.#prefix}:${name}:${piece}`;
  }

  async put(name: string, bytes: Uint8Array): Promise<void> {
    for (let piece = 0; piece < piecesOf(bytes.length); piece++) {
      const part = bytes.subarray(piece * PIECE, (piece + 1) * PIECE);
      const value = Buffer.alloc(4 + part.length);
      value.writeUInt32LE(crc32(part), 0);
      value.set(part, 4);
      await this.#redis.set(this.#key(name, piece), value, 'EX', KEPT_FOR_SECONDS);
    }
  }

  /** Fills an array of the length that was put. Whether it is there, whole and undamaged. */
  async get(name: string, bytes: Uint8Array): Promise<boolean> {
    for (let piece = 0; piece < piecesOf(bytes.length); piece++) {
      const part = bytes.subarray(piece * PIECE, (piece + 1) * PIECE);
      const value = await this.#redis.getBuffer(this.#key(name, piece));
      if (value?.length !== 4 + part.length) return false;
      if (crc32(value.subarray(4)) !== value.readUInt32LE(0)) return false;
      part.set(value.subarray(4));
    }
    return true;
  }

  /** Lets it stay for another day; whether it was there. */
  async keep(name: string, length: number): Promise<boolean> {
    for (let piece = 0; piece < piecesOf(length); piece++) {
      if ((await this.#redis.expire(this.#key(name, piece), KEPT_FOR_SECONDS)) === 0) return false;
    }
    return true;
  }

  async remove(name: string, length: number): Promise<void> {
    const keys = Array.from({ length: piecesOf(length) }, (_, piece) => this.#key(name, piece));
    await this.#redis.unlink(...keys);
  }
}

/** An empty value has a piece too: so it is there or not. */
const piecesOf = (length: number): number => Math.max(1, Math.ceil(length / PIECE));

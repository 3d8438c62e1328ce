import { describe, expect, it } from "vitest";
import { delayMs } from "./backoff";

describe("the backoff", () => {
  it("lies between half of the step and all of it", () => {
    expect(delayMs(2, () => 0)).toBe(1_000);
    expect(delayMs(2, () => 1)).toBe(2_000);
  });

  it("never exceeds 15 s", () => {
    expect(delayMs(1_000, () => 1)).toBe(15_000);
  });
});

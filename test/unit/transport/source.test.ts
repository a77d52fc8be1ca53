import { describe, expect, it } from "vitest";
import { sourceOf } from "../../../src/transport/source.ts";

describe("one source of links", () => {
  it.each([
    ["192.0.2.7", "192.0.2.7"],
    ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2"],
    ["2001:DB8:1:2::9", "2001:db8:1:2"],
    ["2001:db8::9", "2001:db8:0:0"],
    ["fe80::1%eth0", "fe80:0:0:0"],
    ["::", "0:0:0:0"],
  ])("%s is of %s", (host, source) => {
    expect(sourceOf(host)).toBe(source);
  });

  it("is another for another network, and loopback is loopback", () => {
    expect(sourceOf("2001:db8:1:3::9")).not.toBe(sourceOf("2001:db8:1:2::9"));
    expect(sourceOf("::1")).toBe("::1");
  });
});

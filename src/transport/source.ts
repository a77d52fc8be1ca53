/** What counts as one source of links: whoever has one IPv6 address has 2^64 of them, so the network stands for all. */
export function sourceOf(host: string): string {
  if (!host.includes(":") || host === "::1") return host;
  const [head = "", tail = ""] = host.split("%", 1)[0]?.toLowerCase().split("::") ?? [];
  const groups = head.split(":").filter(Boolean);
  const last = tail.split(":").filter(Boolean);
  if (host.includes("::")) {
    while (groups.length + last.length < 8) groups.push("0");
    groups.push(...last);
  }
  return groups.slice(0, 4).join(":");
}

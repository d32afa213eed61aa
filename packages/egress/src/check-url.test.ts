import assert from "node:assert/strict"
import { test } from "node:test"

import { checkUrl, type UrlRules } from "./check-url.ts"

const outside: UrlRules = { allowPrivate: false, protocols: ["https:", "http:"] }

const privateSpellings = [
  "http://127.0.0.1/",
  "http://127.1/",
  "http://127.0.0.1./",
  "http://2130706433/",
  "http://0x7f000001/",
  "http://0x7f.1/",
  "http://0177.0.0.1/",
  "http://017700000001/",
  "http://%31%32%37.0.0.1/",
  "http://１２７.０.０.１/",
  "http://127。0。0。1/",
  "http:\\\\127.0.0.1\\",
  "http:127.0.0.1",
  "http://0/",
  "http://0.0.0.0/",
  "http://10.1.2.3/",
  "http://172.31.255.255/",
  "http://192.168.0x1.1/",
  "http://169.254.169.254/latest/meta-data/",
  "http://2852039166/",
  "http://168.63.129.16/",
  "http://100.64.0.1/",
  "http://192.0.0.8/",
  "http://192.0.2.1/",
  "http://198.18.0.1/",
  "http://203.0.113.9/",
  "http://224.0.0.1/",
  "http://255.255.255.255/",
  "http://[::]/",
  "http://[::1]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:7f00:1]/",
  "http://[::127.0.0.1]/",
  "http://[64:ff9b::10.0.0.1]/",
  "http://[64:ff9b:1::8.8.8.8]/",
  "http://[2002:7f00:1::]/",
  "http://[2001:0:4136:e378:8000:63bf:3fff:fdd2]/",
  "http://[2001:db8::1]/",
  "http://[fc00::1]/",
  "http://[fd00:ec2::254]/",
  "http://[fe80::1]/",
  "http://[fec0::1]/",
  "http://[ff02::1]/",
  "http://[4000::1]/",
]
for (const url of privateSpellings) {
  test(`${url} is no public address`, () => {
    assert.throws(() => checkUrl(url, outside), { code: "address_not_allowed", retryable: false })
  })
}

test("public hosts pass, with names of any script and ports of the web", () => {
  const urls = [
    "https://example.com/cat.png?size=1#top",
    "http://example.com:8080/",
    "https://example.com:443/",
    "https://bücher.example/ä",
    "https://8.8.8.8/",
    "https://[2606:4700::1111]/",
    "https://[::ffff:8.8.8.8]/",
    "https://[64:ff9b::8.8.8.8]/",
    "https://127.0.0.1.example.com/",
  ]
  for (const url of urls) assert.equal(checkUrl(url, outside).href, new URL(url).href)
  assert.equal(checkUrl("https://bücher.example/", outside).hostname, "xn--bcher-kva.example")
})

test("other protocols, credentials, ports of other services and what is no URL are refused", () => {
  const refused = [
    ["", "url_not_valid"],
    ["example.com/cat.png", "url_not_valid"],
    ["/cat.png", "url_not_valid"],
    ["https://", "url_not_valid"],
    ["http://[fe80::1%25eth0]/", "url_not_valid"],
    ["http://1.2.3.4.5/", "url_not_valid"],
    [`https://example.com/${"a".repeat(2048)}`, "url_not_valid"],
    ["file:///etc/passwd", "protocol_not_allowed"],
    ["ftp://example.com/", "protocol_not_allowed"],
    ["data:image/png;base64,AA==", "protocol_not_allowed"],
    ["gopher://127.0.0.1:6379/_", "protocol_not_allowed"],
    ["https://user@example.com/", "credentials_in_url"],
    ["https://:word@example.com/", "credentials_in_url"],
    ["https://example.com:25/", "port_not_allowed"],
    ["https://example.com:0/", "port_not_allowed"],
    ["http://example.com:1023/", "port_not_allowed"],
  ] as const
  for (const [url, code] of refused) assert.throws(() => checkUrl(url, outside), { code }, url)
})

test("plain http is refused where only https is allowed", () => {
  const rules: UrlRules = { ...outside, protocols: ["https:"] }
  assert.throws(() => checkUrl("http://example.com/", rules), { code: "protocol_not_allowed" })
  assert.equal(checkUrl("https://example.com/", rules).protocol, "https:")
})

test("private addresses pass where they are allowed, those with a cloud's credentials never", () => {
  const inside: UrlRules = { ...outside, allowPrivate: true }
  for (const url of ["http://127.0.0.1:9000/", "http://[fd00::1]/", "http://192.168.0.1/"]) {
    assert.equal(checkUrl(url, inside).href, url)
  }
  const never = ["169.254.169.254", "[::ffff:a9fe:a9fe]", "[64:ff9b::169.254.169.254]", "[fd00:ec2::254]"]
  for (const host of never) {
    assert.throws(() => checkUrl(`http://${host}/`, inside), { code: "address_not_allowed" }, host)
  }
})

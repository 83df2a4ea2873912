import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { after, before, describe, it } from "node:test";
import { CreateEmailIdentityCommand, SESv2Client } from "@aws-sdk/client-sesv2";
import nodemailer from "nodemailer";
import { settings, start } from "./server.js";

function password(secret, region) {
  const sign = (key, text) => createHmac("sha256", key).update(text).digest();
  const key = ["11111111", region, "ses", "aws4_request", "SendRawEmail"].reduce(sign, `AWS4${secret}`);
  return Buffer.concat([Buffer.from([4]), key]).toString("base64");
}

describe("SMTP with nodemailer", () => {
  let server, ports, ca;

  before(async () => {
    server = await start("--ses-sandbox", "off", "--ses-auto-verify", "all", "--smtp-ports", "0", "--smtps-ports", "0", "--mx-ports", "0");
    ports = (await (await fetch(`${server.url}/_cloudlet/health`)).json()).smtp;
    ca = await (await fetch(`${server.url}/_cloudlet/ca.pem`)).text();
    await new SESv2Client(settings(server)).send(new CreateEmailIdentityCommand({ EmailIdentity: "ann@example.com" }));
  });

  after(() => server.stop());

  const options = (more) => ({ host: "127.0.0.1", tls: { ca }, auth: { user: "test", pass: password("test", "us-east-1") }, ...more });

  const mails = async (search) => (await (await fetch(`${server.url}/_cloudlet/mailbox?search=${search}&wait=5`)).json()).mail;

  for (const [name, more] of [
    ["STARTTLS", () => ({ port: ports.starttls[0], secure: false, requireTLS: true })],
    ["TLS", () => ({ port: ports.tls[0], secure: true })],
  ]) {
    it(`sends with an attachment over ${name}`, async () => {
      const transport = nodemailer.createTransport(options(more()));
      const sent = await transport.sendMail({
        from: "Ann <ann@example.com>",
        to: ["bob@other.com", "Carol <carol@other.com>"],
        subject: `Grüße über ${name}`,
        text: "hello",
        html: "<b>hello</b>",
        attachments: [{ filename: "a.txt", content: "attached" }],
      });
      assert.match(sent.response, /^250 Ok /);
      const [mail] = await mails(name);
      assert.deepEqual(mail.to, ["bob@other.com", "carol@other.com"]);
      const raw = await (await fetch(`${server.url}/_cloudlet/mailbox/${mail.number}/raw`)).text();
      assert.match(raw, /DKIM-Signature:/);
      transport.close();
    });
  }

  it("reuses a connection for many mails", async () => {
    const transport = nodemailer.createTransport(options({ port: ports.tls[0], secure: true, pool: true, maxConnections: 2 }));
    const one = (number) => transport.sendMail({ from: "ann@example.com", to: "bob@other.com", subject: `pooled ${number}`, text: "hello" });
    await Promise.all([1, 2, 3, 4, 5, 6].map(one));
    assert.equal((await mails("pooled")).length, 6);
    transport.close();
  });

  it("is refused with a password of another region, and without TLS", async () => {
    const auth = { user: "test", pass: password("test", "eu-west-1") };
    const wrong = nodemailer.createTransport(options({ port: ports.tls[0], secure: true, auth }));
    await assert.rejects(wrong.verify(), { responseCode: 535 });
    const plain = nodemailer.createTransport(options({ port: ports.starttls[0], secure: false, ignoreTLS: true }));
    await assert.rejects(plain.verify());
  });
});

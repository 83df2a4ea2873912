import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { GetAccessKeyInfoCommand, GetCallerIdentityCommand, GetDelegatedAccessTokenCommand, STSClient } from "@aws-sdk/client-sts";
import { settings, start } from "./server.js";

describe("STS with the JavaScript SDK", () => {
  let server, sts;

  before(async () => {
    server = await start();
    sts = new STSClient(settings(server));
  });

  after(() => server.stop());

  it("returns the caller identity", async () => {
    const { Account, Arn } = await sts.send(new GetCallerIdentityCommand({}));
    assert.deepEqual([Account, Arn], ["000000000000", "arn:aws:iam::000000000000:root"]);
  });

  it("returns the account of an access key", async () => {
    const { Account } = await sts.send(new GetAccessKeyInfoCommand({ AccessKeyId: "AKIAIOSFODNN7EXAMPLE" }));
    assert.equal(Account, "581039954779");
  });

  it("refuses an unknown key", async () => {
    const unknown = new STSClient(settings(server, { credentials: { accessKeyId: "AKIAUNKNOWN000000000", secretAccessKey: "no" } }));
    await assert.rejects(unknown.send(new GetCallerIdentityCommand({})), { name: "InvalidClientTokenId" });
  });

  it("refuses an unknown trade-in token", async () => {
    await assert.rejects(sts.send(new GetDelegatedAccessTokenCommand({ TradeInToken: "token" })), (error) => {
      assert.equal(error.$metadata.httpStatusCode, 400);
      assert.equal(error.message, "Invalid trade-in token");
      return true;
    });
  });
});

import assert from "node:assert/strict";
import { Readable } from "node:stream";
import { after, before, describe, it } from "node:test";
import {
  CopyObjectCommand,
  CreateBucketCommand,
  DeleteObjectsCommand,
  GetObjectCommand,
  HeadObjectCommand,
  paginateListObjectsV2,
  PutObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import { Upload } from "@aws-sdk/lib-storage";
import { createPresignedPost } from "@aws-sdk/s3-presigned-post";
import { getSignedUrl } from "@aws-sdk/s3-request-presigner";
import { settings, start } from "./server.js";

const Bucket = "javascript";

describe("S3 with the JavaScript SDK", () => {
  let server, s3;

  before(async () => {
    server = await start();
    s3 = new S3Client(settings(server, { forcePathStyle: true }));
    await s3.send(new CreateBucketCommand({ Bucket }));
  });

  after(() => server.stop());

  const body = async (Key, more = {}) => (await s3.send(new GetObjectCommand({ Bucket, Key, ...more }))).Body.transformToString();

  it("puts and gets an object", async () => {
    await s3.send(new PutObjectCommand({ Bucket, Key: "key", Body: "body", Metadata: { a: "1" }, ContentType: "text/plain" }));
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: "key" }));
    assert.equal(await got.Body.transformToString(), "body");
    assert.deepEqual([got.ContentType, got.Metadata], ["text/plain", { a: "1" }]);
    assert.equal(await body("key", { Range: "bytes=1-2" }), "od");
  });

  it("stores keys with special characters", async () => {
    for (const Key of ["a//b", "../up", "a b+c", "%2F", "ü/🦀?#&", "trailing/"]) {
      await s3.send(new PutObjectCommand({ Bucket, Key, Body: Key }));
      assert.equal(await body(Key), Key);
    }
  });

  it("streams a body, with its checksum in the trailer", async () => {
    const pieces = Array.from({ length: 40 }, (_, number) => Buffer.alloc(50_000, number));
    const stream = Readable.from(pieces);
    const put = await s3.send(new PutObjectCommand({ Bucket, Key: "stream", Body: stream, ContentLength: 2_000_000 }));
    assert.ok(put.ChecksumCRC32);
    const got = await s3.send(new GetObjectCommand({ Bucket, Key: "stream" }));
    assert.deepEqual(Buffer.from(await got.Body.transformToByteArray()), Buffer.concat(pieces));
  });

  for (const ChecksumAlgorithm of ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]) {
    it(`computes and verifies ${ChecksumAlgorithm}`, async () => {
      await s3.send(new PutObjectCommand({ Bucket, Key: ChecksumAlgorithm, Body: "body", ChecksumAlgorithm }));
      const head = await s3.send(new HeadObjectCommand({ Bucket, Key: ChecksumAlgorithm, ChecksumMode: "ENABLED" }));
      assert.ok(head[`Checksum${ChecksumAlgorithm}`]);
      assert.equal(await body(ChecksumAlgorithm, { ChecksumMode: "ENABLED" }), "body");
    });
  }

  it("uploads in parts", async () => {
    const Body = Buffer.alloc(12 << 20, "x");
    const done = await new Upload({ client: s3, params: { Bucket, Key: "parts", Body }, partSize: 5 << 20 }).done();
    assert.match(done.ETag, /-3"$/);
    assert.equal((await s3.send(new HeadObjectCommand({ Bucket, Key: "parts" }))).ContentLength, 12 << 20);
  });

  it("lists in pages, copies and deletes", async () => {
    for (const Key of ["list/1", "list/2", "list/3"]) await s3.send(new PutObjectCommand({ Bucket, Key, Body: "" }));
    await s3.send(new CopyObjectCommand({ Bucket, Key: "list/4", CopySource: `${Bucket}/list/1` }));
    const keys = [];
    for await (const page of paginateListObjectsV2({ client: s3, pageSize: 2 }, { Bucket, Prefix: "list/" })) {
      keys.push(...page.Contents.map((found) => found.Key));
    }
    assert.deepEqual(keys, ["list/1", "list/2", "list/3", "list/4"]);
    const done = await s3.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects: keys.map((Key) => ({ Key })) } }));
    assert.equal(done.Deleted.length, 4);
  });

  it("throws NoSuchKey for a missing key", async () => {
    await assert.rejects(body("missing"), { name: "NoSuchKey", $fault: "client" });
  });

  it("refuses a wrong secret", async () => {
    const other = new S3Client(settings(server, { forcePathStyle: true, credentials: { accessKeyId: "test", secretAccessKey: "no" } }));
    await assert.rejects(other.send(new GetObjectCommand({ Bucket, Key: "key" })), { name: "SignatureDoesNotMatch" });
  });

  it("presigns reading and writing", async () => {
    const put = await getSignedUrl(s3, new PutObjectCommand({ Bucket, Key: "signed url" }), { expiresIn: 60 });
    const answer = await fetch(put, { method: "PUT", body: "sent" });
    assert.equal(answer.status, 200, await answer.text());
    const get = await getSignedUrl(s3, new GetObjectCommand({ Bucket, Key: "signed url" }), { expiresIn: 60 });
    assert.equal(await (await fetch(get)).text(), "sent");
  });

  it("presigns a form", async () => {
    const made = await createPresignedPost(s3, { Bucket, Key: "form/${filename}", Conditions: [["content-length-range", 1, 100]], Expires: 60 });
    const form = new FormData();
    for (const [name, value] of Object.entries(made.fields)) form.append(name, value);
    form.append("file", new Blob(["from a form"]), "file.txt");
    const answer = await fetch(made.url, { method: "POST", body: form });
    assert.equal(answer.status, 204, await answer.text());
    assert.equal(await body("form/file.txt"), "from a form");
  });
});

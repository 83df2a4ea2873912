"""A browser: pages of a website bucket that fetch from other buckets, and post forms. Skipped where Chromium is not installed."""

import json
import re
import shutil
import subprocess

import pytest

PROGRAMS = ["chromium", "chromium-browser", "google-chrome"]


@pytest.fixture
def browse(tmp_path):
    """What a page shows in the end."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if not program:
        pytest.skip("Chromium is not installed")
    command = [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", f"--user-data-dir={tmp_path}/profile"]

    def browse(url):
        done = subprocess.run([*command, "--virtual-time-budget=20000", "--dump-dom", url], capture_output=True, text=True, timeout=100)
        shown = re.search(r"<pre[^>]*>(.*?)</pre>", done.stdout, re.DOTALL)
        assert shown, done.stdout + done.stderr[-2000:]
        return shown.group(1)

    return browse


@pytest.fixture
def site(server, s3, bucket):
    """Publishes a page, and gives its URL."""
    s3.delete_public_access_block(Bucket=bucket)
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{bucket}/*"}
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    s3.put_bucket_website(Bucket=bucket, WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    origin = f"http://{bucket}.s3-website.localhost:{server.port}"

    def publish(html, key="index.html"):
        s3.put_object(Bucket=bucket, Key=key, Body=html.encode(), ContentType="text/html; charset=utf-8")
        return f"{origin}/{key}"

    publish.origin = origin
    return publish


@pytest.fixture
def data(s3, bucket):
    """Another bucket."""
    name = f"{bucket}-data"
    s3.create_bucket(Bucket=name)
    s3.put_object(Bucket=name, Key="data.json", Body=b'{"a": 1}')
    return name


# Each step's outcome, one a line.
PAGE = """<pre id=out>running</pre><script>
(async () => {
  const lines = [];
  const step = async (name, run) => { try { lines.push(name + ": " + await run()); } catch (error) { lines.push(name + ": " + error.name); } };
  %s
  document.getElementById("out").textContent = lines.join("\\n");
})();
</script>"""


def test_a_page_fetches_as_far_as_the_bucket_allows(server, s3, site, data, browse):
    url = s3.generate_presigned_url("get_object", Params={"Bucket": data, "Key": "data.json"})
    upload = s3.generate_presigned_url("put_object", Params={"Bucket": data, "Key": "up.txt", "ContentType": "text/plain"})
    page = PAGE % f"""
      await step("get", async () => {{ const answer = await fetch({json.dumps(url)}); return answer.status + " " + await answer.text() + " " + answer.headers.get("etag"); }});
      await step("put", async () => (await fetch({json.dumps(upload)}, {{method: "PUT", headers: {{"Content-Type": "text/plain"}}, body: "from a page"}})).status);
      await step("delete", async () => (await fetch({json.dumps(url)}, {{method: "DELETE"}})).status);
    """
    address = site(page)
    assert browse(address).splitlines() == ["get: TypeError", "put: TypeError", "delete: TypeError"]
    rule = {"AllowedOrigins": [site.origin], "AllowedMethods": ["GET", "PUT"], "AllowedHeaders": ["content-type"], "ExposeHeaders": ["ETag"]}
    s3.put_bucket_cors(Bucket=data, CORSConfiguration={"CORSRules": [rule]})
    etag = s3.head_object(Bucket=data, Key="data.json")["ETag"]
    assert browse(address).splitlines() == [f'get: 200 {{"a": 1}} {etag}', "put: 200", "delete: TypeError"]
    assert s3.get_object(Bucket=data, Key="up.txt")["Body"].read() == b"from a page"


def test_a_page_posts_a_form(server, s3, site, data, browse):
    done = site("<pre>thank you</pre>", "done.html")
    post = s3.generate_presigned_post(data, "posted/${filename}", Fields={"success_action_redirect": done}, Conditions=[{"success_action_redirect": done}])
    fields = "".join(f"<input type=hidden name='{name}' value='{value}'>" for name, value in post["fields"].items())
    form = f"<form action='{post['url']}' method=post enctype=multipart/form-data>{fields}<input type=file name=file></form>"
    script = """<script>
      const chosen = new DataTransfer();
      chosen.items.add(new File(["from a form"], "my file.txt", {type: "text/plain"}));
      document.querySelector("input[type=file]").files = chosen.files;
      document.forms[0].submit();
    </script>"""
    assert browse(site(form + script)) == "thank you"
    assert s3.get_object(Bucket=data, Key="posted/my file.txt")["Body"].read() == b"from a form"

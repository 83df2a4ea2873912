"""Nodes whose files are those of a folder or of an image, not this machine's."""

import gzip
import hashlib
import io
import json
import os
import platform
import re
import shutil
import subprocess
import tarfile

import pytest
from test_commands import LOCAL, finished, send

ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def programs():
    """The files that an image needs at the least, and the files of this machine that they are."""
    files = {}
    for name in ("sh", "cat", "ls"):
        program = os.path.realpath(shutil.which(name))
        files[f"usr/bin/{name}"] = program
        for library in re.findall(r"(/\S+\.so\S*)", subprocess.run(["ldd", program], capture_output=True, text=True).stdout):
            files[library.lstrip("/")] = os.path.realpath(library)
    return files


def layer(*entries):
    """A tar archive of (path, content or the file that it is, link)."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        for path, content, link in entries:
            entry = tarfile.TarInfo(path)
            entry.mode = 0o755
            if link:
                entry.type, entry.linkname = tarfile.SYMTYPE, link
                archive.addfile(entry)
            else:
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
    return out.getvalue()


def layout(folder, *layers):
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def blob(kind, content):
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(content)}

    config = blob("config.v1+json", json.dumps({"architecture": ARCHITECTURE, "os": "linux"}).encode())
    made = [blob("layer.v1.tar+gzip", gzip.compress(one)) for one in layers]
    manifest = blob("manifest.v1+json", json.dumps({"schemaVersion": 2, "config": config, "layers": made}).encode())
    manifest["annotations"] = {"org.opencontainers.image.ref.name": "latest"}
    manifest["platform"] = {"architecture": ARCHITECTURE, "os": "linux"}
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [manifest]}))
    (folder / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return folder


def base():
    machine = [(path, open(real, "rb").read(), None) for path, real in programs().items()]
    above = {path.split("/")[0] for path in programs()}
    links = [("bin", None, "usr/bin")] if "bin" not in above else []
    return layer(*links, *machine, ("etc/motd", b"below", None), ("etc/gone", b"below", None))


def test_the_image_of_a_layout_is_what_a_node_sees(start, tmp_path):
    above = layer(("etc/.wh.gone", b"", None), ("etc/motd", b"of the image\n", None), ("etc/out", None, "/root"))
    server = start("--ssm-local-node", "--node-root", f"{layout(tmp_path / 'image', base(), above)}:latest")
    ssm = server.client("ssm")
    got = finished(ssm, send(ssm, "cat /etc/motd", "ls /etc", "ls /usr/bin", "echo own > /tmp/file; cat /tmp/file", "echo x > /etc/x"), LOCAL)
    assert got["StandardOutputContent"].split() == "of the image motd out cat ls sh own".split(), got
    assert "ead-only" in got["StandardErrorContent"], got


def test_a_name_of_nothing_is_refused_at_the_start(binary, tmp_path):
    command = [binary, "--port", "0", "--node-root", str(tmp_path / "nowhere")]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 2 and "there is no such folder" in run.stderr, run


@pytest.mark.parametrize(
    ("evil", "why"),
    [
        ([("../../escaped", b"x", None)], "leaves the root of the image"),
        ([("etc/out", None, "/"), ("etc/out/../../escaped", b"x", None)], "leaves the root of the image"),
    ],
)
def test_a_hostile_image_is_refused(start, tmp_path, evil, why):
    server = start("--ssm-local-node", "--node-root", str(layout(tmp_path / "a" / "b" / "image", base(), layer(*evil))))
    ssm = server.client("ssm")
    got = finished(ssm, send(ssm, "true"), LOCAL)
    assert got["Status"] == "Failed" and why in got["StandardErrorContent"], got


def test_a_folder_is_what_a_node_sees(start, tmp_path):
    with tarfile.open(fileobj=io.BytesIO(base())) as archive:
        archive.extractall(tmp_path / "root", filter="fully_trusted")
    (tmp_path / "root/usr/lib").mkdir(parents=True, exist_ok=True)
    (tmp_path / "root/usr/lib/os-release").write_text('NAME="Of a test"\nVERSION_ID=7\n')
    server = start("--ssm-local-node", "--node-root", str(tmp_path / "root"))
    ssm = server.client("ssm")
    assert finished(ssm, send(ssm, "cat /etc/motd"), LOCAL)["StandardOutputContent"] == "below"
    [known] = ssm.describe_instance_information()["InstanceInformationList"]
    assert (known["PlatformName"], known["PlatformVersion"]) == ("Of a test", "7")

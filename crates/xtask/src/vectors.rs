//! `cargo xtask vectors`: the cases of the protocols, the SigV4 suite of AWS, and the models, from botocore's source release, which is
//! pinned by hash, into `target/vectors`. They are test data and not part of the repository.

use crate::project::{Outcome, root};
use std::{fs, path::Path, process::Command};

const RELEASE: &str = "botocore-1.44.5";
const REQUIREMENT: &str = "botocore==1.44.5 --hash=sha256:a988f39e3a4484def0b8010f41128f71157da0515a4804fccce4739aa8f216da\n";
/// Unpacks the cases, and the models of our services, uncompressed.
const UNPACK: &str = r#"
import gzip, os, sys, tarfile
SERVICES = "apigateway ec2 events firehose iam kms lambda logs s3 s3control ses sesv2 sns sqs ssm stepfunctions sts".split()
archive, folder, release = sys.argv[1:]
with tarfile.open(archive) as tar:
    for member in tar:
        name = member.name
        case = name.startswith(release + "/tests/unit/protocols/") and name.endswith(".json")
        case = case or name.startswith(release + "/tests/unit/auth/aws4_testsuite/")
        model = "/service-2.json" in name and name.split("/")[1:3] == ["botocore", "data"] and name.split("/")[3] in SERVICES
        if not member.isfile() or not (case or model or name == release + "/LICENSE.txt"):
            continue
        content = tar.extractfile(member).read()
        if name.endswith(".gz"):
            name, content = name[:-3], gzip.decompress(content)
        path = os.path.join(folder, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as out:
            out.write(content)
"#;

pub fn run() -> Outcome {
    let folder = root().join("target/vectors");
    let there = |part: &str| folder.join(RELEASE).join("tests/unit").join(part).exists();
    if there("protocols") && there("auth") {
        println!("{RELEASE} is there");
        return Ok(());
    }
    fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let requirements = folder.join("requirements.txt");
    fs::write(&requirements, REQUIREMENT).map_err(|error| format!("{}: {error}", requirements.display()))?;
    println!("fetching {RELEASE}");
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--quiet", "--no-deps", "--no-binary=:all:", "--require-hashes", "--dest"]);
    finish(pip.arg(&folder).arg("--requirement").arg(&requirements), "pip could not fetch the cases")?;
    let archive = folder.join(format!("{RELEASE}.tar.gz"));
    unpack(&archive, &folder)?;
    fs::remove_file(&archive).map_err(|error| format!("{}: {error}", archive.display()))
}

fn unpack(archive: &Path, folder: &Path) -> Outcome {
    let mut python = Command::new("python3");
    finish(python.arg("-c").arg(UNPACK).arg(archive).arg(folder).arg(RELEASE), "the cases cannot be unpacked")
}

fn finish(command: &mut Command, otherwise: &str) -> Outcome {
    let status = command.status().map_err(|error| format!("python3: {error}"))?;
    if status.success() { Ok(()) } else { Err(otherwise.to_owned()) }
}

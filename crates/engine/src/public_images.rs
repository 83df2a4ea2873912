//! The images of machines that AWS and others publish, a chosen set: Parameter Store names their ids, EC2 describes them.
//!
//! Ids follow from a key and the region: they have AWS's form, are the same on every start, and name nothing in AWS.

use cloudlet_aws::Region;
use sha2::{Digest, Sha256};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicImage {
    /// What its id follows from: the last part of its parameter's name, where it has one.
    pub key: String,
    pub name: String,
    pub description: String,
    /// `x86_64`, `arm64`
    pub architecture: &'static str,
    pub owner: &'static str,
    /// `amazon`, of those that AWS publishes.
    pub owner_alias: Option<&'static str>,
    pub is_windows: bool,
    /// `2025-10-23T00:00:00.000Z`
    pub created: &'static str,
    pub root_device: &'static str,
    pub gigabytes: i32,
}

/// `ami-` and 17 hexadecimal digits.
pub fn image_id(region: &Region, key: &str) -> String {
    let digest = Sha256::digest(format!("{region}/{key}"));
    let digits: String = digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("ami-0{digits}")
}

pub const ARCHITECTURES: [&str; 2] = ["x86_64", "arm64"];
pub const EKS_VERSIONS: [&str; 5] = ["1.30", "1.31", "1.32", "1.33", "1.34"];

const AMAZON_LINUX: &str = "137112412989";

fn amazon(key: String, name: String, description: String, architecture: &'static str, owner: &'static str) -> PublicImage {
    PublicImage {
        key,
        name,
        description,
        architecture,
        owner,
        owner_alias: Some("amazon"),
        is_windows: false,
        created: "2025-10-23T00:00:00.000Z",
        root_device: "/dev/xvda",
        gigabytes: 8,
    }
}

fn amazon_linux(all: &mut Vec<PublicImage>, architecture: &'static str) {
    for kernel in ["6.1", "6.12"] {
        for (kind, shown) in [("", "AMI"), ("minimal-", "Minimal AMI")] {
            let (key, name) = (
                format!("al2023-ami-{kind}kernel-{kernel}-{architecture}"),
                format!("al2023-ami-{kind}2023.9.20251020.0-kernel-{kernel}-{architecture}"),
            );
            let description = format!("Amazon Linux 2023 {shown} 2023.9.20251020.0 {architecture} HVM kernel-{kernel}");
            all.push(amazon(key, name, description, architecture, AMAZON_LINUX));
        }
    }
    for (key, name) in [
        (format!("amzn2-ami-hvm-{architecture}-gp2"), format!("amzn2-ami-hvm-2.0.20251014.0-{architecture}-gp2")),
        (format!("amzn2-ami-kernel-5.10-hvm-{architecture}-gp2"), format!("amzn2-ami-kernel-5.10-hvm-2.0.20251014.0-{architecture}-gp2")),
        (format!("amzn2-ami-minimal-hvm-{architecture}-ebs"), format!("amzn2-ami-minimal-hvm-2.0.20251014.0-{architecture}-ebs")),
    ] {
        all.push(amazon(key, name, format!("Amazon Linux 2 AMI 2.0.20251014.0 {architecture} HVM"), architecture, AMAZON_LINUX));
    }
    if architecture == "x86_64" {
        let name = "amzn2-ami-hvm-2.0.20251014.0-x86_64-ebs".to_owned();
        all.push(amazon(
            "amzn2-ami-hvm-x86_64-ebs".into(),
            name,
            "Amazon Linux 2 AMI 2.0.20251014.0 x86_64 HVM ebs".into(),
            architecture,
            AMAZON_LINUX,
        ));
    }
}

/// All of them.
pub fn all() -> Vec<PublicImage> {
    let mut all = vec![];
    for architecture in ARCHITECTURES {
        amazon_linux(&mut all, architecture);
        for name in
            [format!("al2023-ami-ecs-hvm-2023.0.20251023-kernel-6.1-{architecture}"), format!("amzn2-ami-ecs-hvm-2.0.20251023-{architecture}-ebs")]
        {
            all.push(PublicImage { gigabytes: 30, ..amazon(name.clone(), name, "Amazon ECS-optimized AMI".into(), architecture, "591542846629") });
        }
        for version in EKS_VERSIONS {
            let name = format!("amazon-eks-node-al2023-{architecture}-standard-{version}-v20251023");
            let description = format!("EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: {version}.0)");
            all.push(PublicImage { gigabytes: 20, ..amazon(name.clone(), name, description, architecture, "602401143452") });
        }
        let short = if architecture == "x86_64" { "amd64" } else { "arm64" };
        for (name, description, owner) in [
            (format!("ubuntu/images/hvm-ssd/ubuntu-jammy-22.04-{short}-server-20251015"), "Canonical, Ubuntu, 22.04 LTS", "099720109477"),
            (format!("ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-{short}-server-20251022"), "Canonical, Ubuntu, 24.04 LTS", "099720109477"),
            (format!("debian-12-{short}-20251006-2257"), "Debian 12", "136693071363"),
        ] {
            let root_device = if owner == "099720109477" { "/dev/sda1" } else { "/dev/xvda" };
            let image = amazon(name.clone(), name, format!("{description}, {short}"), architecture, owner);
            all.push(PublicImage { owner_alias: None, root_device, ..image });
        }
    }
    all.extend(windows());
    all
}

/// `Windows_Server-2022-English-Full-Base` is the key, to which the name adds the date.
pub fn windows() -> impl Iterator<Item = PublicImage> {
    let kinds = ["2016", "2019", "2022", "2025"].into_iter().flat_map(|version| ["Full", "Core"].map(|kind| (version, kind)));
    kinds.map(|(version, kind)| {
        let key = format!("Windows_Server-{version}-English-{kind}-Base");
        let description = format!("Microsoft Windows Server {version} {kind} Locale English AMI provided by Amazon");
        let image = amazon(key.clone(), format!("{key}-2025.10.15"), description, "x86_64", "801119661308");
        PublicImage { is_windows: true, root_device: "/dev/sda1", gigabytes: 30, ..image }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_as_aws_writes_them_and_no_two_are_alike() {
        let region = Region::new("us-east-1");
        let mut ids: Vec<String> = all().iter().map(|image| image_id(&region, &image.key)).collect();
        assert!(ids.iter().all(|id| id.len() == 21 && id.starts_with("ami-0")));
        let count = ids.len();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}

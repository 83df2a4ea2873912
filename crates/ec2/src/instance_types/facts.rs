//! What AWS publishes of its usual types of instances.
//! <https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-type-specifications.html>

/// What all sizes of a family share.
pub struct Family {
    pub name: &'static str,
    pub architectures: &'static [&'static str],
    pub manufacturer: &'static str,
    pub gigahertz: f64,
    pub is_burstable: bool,
    pub is_current: bool,
    /// Else it is Xen.
    pub is_nitro: bool,
    pub threads_per_core: i32,
    pub sizes: &'static [Size],
}

/// Name, virtual processors, MiB, network performance, interfaces, IPv4 addresses of each.
pub type Size = (&'static str, i32, i64, &'static str, i32, i32);

const GIB: i64 = 1_024;

const T2: &[Size] = &[
    ("nano", 1, 512, "Low to Moderate", 2, 2),
    ("micro", 1, GIB, "Low to Moderate", 2, 2),
    ("small", 1, 2 * GIB, "Low to Moderate", 3, 4),
    ("medium", 2, 4 * GIB, "Low to Moderate", 3, 6),
    ("large", 2, 8 * GIB, "Low to Moderate", 3, 12),
    ("xlarge", 4, 16 * GIB, "Moderate", 3, 15),
    ("2xlarge", 8, 32 * GIB, "Moderate", 3, 15),
];

const T3: &[Size] = &[
    ("nano", 2, 512, "Up to 5 Gigabit", 2, 2),
    ("micro", 2, GIB, "Up to 5 Gigabit", 2, 2),
    ("small", 2, 2 * GIB, "Up to 5 Gigabit", 3, 4),
    ("medium", 2, 4 * GIB, "Up to 5 Gigabit", 3, 6),
    ("large", 2, 8 * GIB, "Up to 5 Gigabit", 3, 12),
    ("xlarge", 4, 16 * GIB, "Up to 5 Gigabit", 4, 15),
    ("2xlarge", 8, 32 * GIB, "Up to 5 Gigabit", 4, 15),
];

/// As T3, but for the addresses of its small size.
const T3A: &[Size] = &[
    ("nano", 2, 512, "Up to 5 Gigabit", 2, 2),
    ("micro", 2, GIB, "Up to 5 Gigabit", 2, 2),
    ("small", 2, 2 * GIB, "Up to 5 Gigabit", 2, 4),
    ("medium", 2, 4 * GIB, "Up to 5 Gigabit", 3, 6),
    ("large", 2, 8 * GIB, "Up to 5 Gigabit", 3, 12),
    ("xlarge", 4, 16 * GIB, "Up to 5 Gigabit", 4, 15),
    ("2xlarge", 8, 32 * GIB, "Up to 5 Gigabit", 4, 15),
];

const M5: &[Size] = &[
    ("large", 2, 8 * GIB, "Up to 10 Gigabit", 3, 10),
    ("xlarge", 4, 16 * GIB, "Up to 10 Gigabit", 4, 15),
    ("2xlarge", 8, 32 * GIB, "Up to 10 Gigabit", 4, 15),
    ("4xlarge", 16, 64 * GIB, "Up to 10 Gigabit", 8, 30),
    ("8xlarge", 32, 128 * GIB, "10 Gigabit", 8, 30),
    ("12xlarge", 48, 192 * GIB, "12 Gigabit", 8, 30),
    ("16xlarge", 64, 256 * GIB, "20 Gigabit", 15, 50),
    ("24xlarge", 96, 384 * GIB, "25 Gigabit", 15, 50),
];

const M6I: &[Size] = &[
    ("large", 2, 8 * GIB, "Up to 12.5 Gigabit", 3, 10),
    ("xlarge", 4, 16 * GIB, "Up to 12.5 Gigabit", 4, 15),
    ("2xlarge", 8, 32 * GIB, "Up to 12.5 Gigabit", 4, 15),
    ("4xlarge", 16, 64 * GIB, "Up to 12.5 Gigabit", 8, 30),
    ("8xlarge", 32, 128 * GIB, "12.5 Gigabit", 8, 30),
    ("12xlarge", 48, 192 * GIB, "18.75 Gigabit", 8, 30),
    ("16xlarge", 64, 256 * GIB, "25 Gigabit", 15, 50),
    ("24xlarge", 96, 384 * GIB, "37.5 Gigabit", 15, 50),
    ("32xlarge", 128, 512 * GIB, "50 Gigabit", 15, 50),
];

const M7G: &[Size] = &[
    ("medium", 1, 4 * GIB, "Up to 12.5 Gigabit", 2, 4),
    ("large", 2, 8 * GIB, "Up to 12.5 Gigabit", 3, 10),
    ("xlarge", 4, 16 * GIB, "Up to 12.5 Gigabit", 4, 15),
    ("2xlarge", 8, 32 * GIB, "Up to 15 Gigabit", 4, 15),
    ("4xlarge", 16, 64 * GIB, "Up to 15 Gigabit", 8, 30),
    ("8xlarge", 32, 128 * GIB, "15 Gigabit", 8, 30),
    ("12xlarge", 48, 192 * GIB, "22.5 Gigabit", 8, 30),
    ("16xlarge", 64, 256 * GIB, "30 Gigabit", 15, 50),
];

const C5: &[Size] = &[
    ("large", 2, 4 * GIB, "Up to 10 Gigabit", 3, 10),
    ("xlarge", 4, 8 * GIB, "Up to 10 Gigabit", 4, 15),
    ("2xlarge", 8, 16 * GIB, "Up to 10 Gigabit", 4, 15),
    ("4xlarge", 16, 32 * GIB, "Up to 10 Gigabit", 8, 30),
    ("9xlarge", 36, 72 * GIB, "12 Gigabit", 8, 30),
    ("12xlarge", 48, 96 * GIB, "12 Gigabit", 8, 30),
    ("18xlarge", 72, 144 * GIB, "25 Gigabit", 15, 50),
    ("24xlarge", 96, 192 * GIB, "25 Gigabit", 15, 50),
];

const R5: &[Size] = &[
    ("large", 2, 16 * GIB, "Up to 10 Gigabit", 3, 10),
    ("xlarge", 4, 32 * GIB, "Up to 10 Gigabit", 4, 15),
    ("2xlarge", 8, 64 * GIB, "Up to 10 Gigabit", 4, 15),
    ("4xlarge", 16, 128 * GIB, "Up to 10 Gigabit", 8, 30),
    ("8xlarge", 32, 256 * GIB, "10 Gigabit", 8, 30),
    ("12xlarge", 48, 384 * GIB, "10 Gigabit", 8, 30),
    ("16xlarge", 64, 512 * GIB, "20 Gigabit", 15, 50),
    ("24xlarge", 96, 768 * GIB, "25 Gigabit", 15, 50),
];

const INTEL: Family = Family {
    name: "",
    architectures: &["x86_64"],
    manufacturer: "Intel",
    gigahertz: 3.1,
    is_burstable: false,
    is_current: true,
    is_nitro: true,
    threads_per_core: 2,
    sizes: &[],
};

const GRAVITON: Family = Family { architectures: &["arm64"], manufacturer: "AWS", gigahertz: 2.5, threads_per_core: 1, ..INTEL };

pub const FAMILIES: &[Family] = &[
    Family { name: "c5", gigahertz: 3.4, sizes: C5, ..INTEL },
    Family { name: "m5", sizes: M5, ..INTEL },
    Family { name: "m6i", gigahertz: 3.5, sizes: M6I, ..INTEL },
    Family { name: "m7g", gigahertz: 2.6, sizes: M7G, ..GRAVITON },
    Family { name: "r5", sizes: R5, ..INTEL },
    Family {
        name: "t2",
        architectures: &["i386", "x86_64"],
        gigahertz: 2.5,
        is_burstable: true,
        is_nitro: false,
        threads_per_core: 1,
        sizes: T2,
        ..INTEL
    },
    Family { name: "t3", gigahertz: 2.5, is_burstable: true, sizes: T3, ..INTEL },
    Family { name: "t3a", manufacturer: "AMD", gigahertz: 2.2, is_burstable: true, sizes: T3A, ..INTEL },
    Family { name: "t4g", is_burstable: true, sizes: T3, ..GRAVITON },
];

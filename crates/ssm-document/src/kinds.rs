//! The types of documents, the formats of their content, and the platforms that they run on.

use serde::{Deserialize, Serialize};
use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DocumentType {
    Command,
    Policy,
    Automation,
    Session,
    Package,
    ApplicationConfiguration,
    ApplicationConfigurationSchema,
    DeploymentStrategy,
    ChangeCalendar,
    ChangeTemplate,
    ProblemAnalysis,
    ProblemAnalysisTemplate,
    CloudFormation,
    ConformancePackTemplate,
    QuickSetup,
    ManualApprovalPolicy,
    AutoApprovalPolicy,
}

impl DocumentType {
    const ALL: [(DocumentType, &str); 17] = [
        (DocumentType::Command, "Command"),
        (DocumentType::Policy, "Policy"),
        (DocumentType::Automation, "Automation"),
        (DocumentType::Session, "Session"),
        (DocumentType::Package, "Package"),
        (DocumentType::ApplicationConfiguration, "ApplicationConfiguration"),
        (DocumentType::ApplicationConfigurationSchema, "ApplicationConfigurationSchema"),
        (DocumentType::DeploymentStrategy, "DeploymentStrategy"),
        (DocumentType::ChangeCalendar, "ChangeCalendar"),
        (DocumentType::ChangeTemplate, "Automation.ChangeTemplate"),
        (DocumentType::ProblemAnalysis, "ProblemAnalysis"),
        (DocumentType::ProblemAnalysisTemplate, "ProblemAnalysisTemplate"),
        (DocumentType::CloudFormation, "CloudFormation"),
        (DocumentType::ConformancePackTemplate, "ConformancePackTemplate"),
        (DocumentType::QuickSetup, "QuickSetup"),
        (DocumentType::ManualApprovalPolicy, "ManualApprovalPolicy"),
        (DocumentType::AutoApprovalPolicy, "AutoApprovalPolicy"),
    ];

    pub fn parse(name: &str) -> Option<DocumentType> {
        Self::ALL.iter().find(|(_, known)| *known == name).map(|(kind, _)| *kind)
    }

    pub fn as_str(self) -> &'static str {
        Self::ALL.iter().find(|(kind, _)| *kind == self).map_or("", |(_, name)| name)
    }

    /// The schema versions that such a document may have. Empty: it need not say one.
    pub fn schema_versions(self) -> &'static [&'static str] {
        match self {
            DocumentType::Command => &["1.2", "2.0", "2.2"],
            // AWS: "Documents of type Policy must use schema version 2.0 or later."
            DocumentType::Policy => &["2.0", "2.2"],
            DocumentType::Automation | DocumentType::ChangeTemplate => &["0.3"],
            DocumentType::Session => &["1.0"],
            DocumentType::Package => &["2.0"],
            _ => &[],
        }
    }

    /// Whether its content may be of this format. AWS: unverified, but that a calendar is text and runbooks are not.
    pub fn takes(self, format: Format) -> bool {
        match self {
            DocumentType::ChangeCalendar => format == Format::Text,
            DocumentType::ApplicationConfiguration | DocumentType::CloudFormation | DocumentType::ConformancePackTemplate => true,
            _ => format != Format::Text,
        }
    }

    /// Whether it is executed on nodes, by Run Command or State Manager.
    pub fn runs_on_nodes(self) -> bool {
        matches!(self, DocumentType::Command | DocumentType::Policy)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Format {
    Json,
    Yaml,
    Text,
}

impl Format {
    pub fn parse(name: &str) -> Option<Format> {
        match name {
            "JSON" => Some(Format::Json),
            "YAML" => Some(Format::Yaml),
            "TEXT" => Some(Format::Text),
            _ => None,
        }
    }

    pub fn as_str(self) -> &'static str {
        match self {
            Format::Json => "JSON",
            Format::Yaml => "YAML",
            Format::Text => "TEXT",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Platform {
    Windows,
    Linux,
    MacOs,
}

impl Platform {
    pub const ALL: [Platform; 3] = [Platform::Windows, Platform::Linux, Platform::MacOs];

    pub fn as_str(self) -> &'static str {
        match self {
            Platform::Windows => "Windows",
            Platform::Linux => "Linux",
            Platform::MacOs => "MacOS",
        }
    }
}

/// Content that is not of its format, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Malformed {
    pub format: Format,
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} not well-formed. at Line: {}, Column: {}", self.format.as_str(), self.line, self.column)
    }
}

//! By which program a key is used, and where that runs: read from what callers say of themselves and from where they call.
//!
//! Sources: AWS SDKs and Tools Reference Guide, "User agent" metadata (`exec-env/…` is the variable `AWS_EXECUTION_ENV`,
//! which AWS's own services set); `aws-actions/configure-aws-credentials` (its own
//! user agent); `HashiCorp`, "Terraform AWS Provider" (`Terraform/…`, `terraform-provider-aws/…`); Pulumi (`Pulumi/…`);
//! `CloudTrail` User Guide, "CloudTrail record contents" (`sourceIPAddress` is a service's name where that calls).

use std::fmt;
use std::net::IpAddr;

use credwarden_credential::usage::Use;

/// What a key is used by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Program {
    /// A workflow of GitHub Actions.
    GitHubActions,
    /// A job of GitLab.
    GitLab,
    /// Jenkins.
    Jenkins,
    /// Another CI system.
    OtherCi,
    /// Terraform or one that works like it.
    Infrastructure,
    /// A function of AWS Lambda.
    Lambda,
    /// A task of Amazon ECS.
    Ecs,
    /// A build of AWS `CodeBuild`.
    CodeBuild,
    /// A pod of a Kubernetes cluster.
    Kubernetes,
    /// A machine on Amazon EC2, or in a network that reaches AWS through an endpoint of a VPC.
    Vpc,
    /// The AWS CLI.
    Cli,
    /// A tool for people: an editor's, or a browser of files.
    Desktop,
    /// A service of AWS that acts for the caller.
    Service,
    /// A program with an SDK.
    Sdk,
    /// Nothing that is known.
    Unknown,
}

/// What tells a program by what it says of itself, in small letters. The first that is found counts, so what runs another
/// stands before it.
const BY_AGENT: &[(&str, Program)] = &[
    ("configure-aws-credentials-for-github-actions", Program::GitHubActions),
    ("github-actions", Program::GitHubActions),
    ("gitlab", Program::GitLab),
    ("jenkins", Program::Jenkins),
    ("circleci", Program::OtherCi),
    ("bitbucket", Program::OtherCi),
    ("teamcity", Program::OtherCi),
    ("buildkite", Program::OtherCi),
    ("azure-pipelines", Program::OtherCi),
    ("vsts", Program::OtherCi),
    ("exec-env/aws_lambda", Program::Lambda),
    ("exec-env/aws_ecs", Program::Ecs),
    ("exec-env/codebuild", Program::CodeBuild),
    ("exec-env/aws_codebuild", Program::CodeBuild),
    ("exec-env/cloudshell", Program::Cli),
    ("exec-env/ec2", Program::Vpc),
    ("terraform", Program::Infrastructure),
    ("opentofu", Program::Infrastructure),
    ("pulumi", Program::Infrastructure),
    ("aws-cdk", Program::Infrastructure),
    ("ansible", Program::Infrastructure),
    ("kubernetes", Program::Kubernetes),
    ("kiam", Program::Kubernetes),
    ("toolkit", Program::Desktop),
    ("s3 browser", Program::Desktop),
    ("cyberduck", Program::Desktop),
    ("winscp", Program::Desktop),
    ("mozilla/", Program::Desktop),
    ("aws-cli/", Program::Cli),
    ("boto3/", Program::Sdk),
    ("botocore/", Program::Sdk),
    ("aws-sdk-", Program::Sdk),
    ("minio", Program::Sdk),
    ("rclone/", Program::Sdk),
];

impl Program {
    /// What made a call. What the caller says comes before from where it called: both are hints.
    pub(crate) fn of(used: &Use) -> Self {
        let agent = used.agent.to_lowercase();
        let said = BY_AGENT.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, program)| *program);
        let is_service = [&used.source, &agent].into_iter().any(|text| text.ends_with(".amazonaws.com"));
        let is_in_network = used.through_vpc || used.source.parse().is_ok_and(is_private);
        match said {
            None | Some(Self::Sdk | Self::Cli) if is_service => Self::Service,
            None | Some(Self::Sdk | Self::Cli) if is_in_network => Self::Vpc,
            Some(said) => said,
            None => Self::Unknown,
        }
    }
}

/// Whether an address is of a network of one's own (RFC 1918, RFC 4193): `CloudTrail` shows such where a call came through an
/// endpoint of a VPC.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private(),
        IpAddr::V6(address) => address.is_unique_local(),
    }
}

impl fmt::Display for Program {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::GitHubActions => "GitHub Actions",
            Self::GitLab => "GitLab",
            Self::Jenkins => "Jenkins",
            Self::OtherCi => "a CI system",
            Self::Infrastructure => "Terraform or the like",
            Self::Lambda => "AWS Lambda",
            Self::Ecs => "Amazon ECS",
            Self::CodeBuild => "AWS CodeBuild",
            Self::Kubernetes => "Kubernetes",
            Self::Vpc => "a machine in a VPC",
            Self::Cli => "the AWS CLI",
            Self::Desktop => "a tool on a desktop",
            Self::Service => "a service of AWS",
            Self::Sdk => "an SDK",
            Self::Unknown => "an unknown program",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(agent: &str, source: &str) -> Program {
        Program::of(&Use {
            at: jiff::Timestamp::UNIX_EPOCH,
            service: "s3".to_owned(),
            region: "us-east-1".to_owned(),
            source: source.to_owned(),
            through_vpc: false,
            agent: agent.to_owned(),
        })
    }

    #[test]
    fn what_callers_say_of_themselves_tells_the_program() {
        for (agent, expected) in [
            ("aws-cli/2.15.0 Python/3.11.6 Linux/5.15 exe/x86_64.ubuntu.22 prompt/off command/s3.cp", Program::Cli),
            ("[aws-cli/1.29.1 Python/3.8 Linux botocore/1.31.1]", Program::Cli),
            ("aws-cli/2.13.0 Python/3.11 Linux exec-env/CloudShell exe/x86_64 command/iam.list-users", Program::Cli),
            ("Boto3/1.34.0 md/Botocore#1.34.0 ua/2.0 os/linux#5.10 lang/python#3.12", Program::Sdk),
            ("Boto3/1.34 md/Botocore#1.34 exec-env/AWS_Lambda_python3.12 lang/python#3.12", Program::Lambda),
            ("aws-sdk-java/2.20.1 Linux/4.14 OpenJDK_64-Bit_Server_VM exec-env/AWS_ECS_FARGATE io/sync", Program::Ecs),
            ("aws-sdk-go-v2/1.24.0 os/linux lang/go#1.21 md/GOOS#linux exec-env/AWS_ECS_EC2", Program::Ecs),
            ("aws-cli/2.9 Python/3.9 exec-env/CodeBuild exe/x86_64 command/s3.sync", Program::CodeBuild),
            (
                "aws-sdk-nodejs/2.1400.0 linux/v18 configure-aws-credentials-for-github-actions promise",
                Program::GitHubActions,
            ),
            (
                "APN/1.0 HashiCorp/1.0 Terraform/1.5.7 (+https://www.terraform.io) terraform-provider-aws/5.31.0 \
                 (+https://registry.terraform.io/providers/hashicorp/aws) aws-sdk-go-v2/1.24.0",
                Program::Infrastructure,
            ),
            ("APN/1.0 Pulumi/1.0 PulumiAWS/6.0.0 aws-sdk-go/1.44", Program::Infrastructure),
            ("aws-sdk-java/1.12.500 Linux Jenkins/2.414 java/11.0.20", Program::Jenkins),
            ("gitlab-runner 16.3.0 (linux) aws-sdk-go/1.44", Program::GitLab),
            ("circleci-agent aws-sdk-go/1.44", Program::OtherCi),
            ("AWS-Toolkit-For-VSCode/2.0 Visual-Studio-Code/1.85 aws-sdk-js/3", Program::Desktop),
            ("S3 Browser/11.6.7 (https://s3browser.com)", Program::Desktop),
            ("aws-sdk-rust/1.3.9 os/linux lang/rust#1.76", Program::Sdk),
            ("MinIO (linux; amd64) minio-go/v7.0.63", Program::Sdk),
            ("curl/8.0", Program::Unknown),
            ("", Program::Unknown),
        ] {
            assert_eq!(program(agent, "198.51.100.7"), expected, "{agent}");
        }
    }

    #[test]
    fn where_a_call_comes_from_tells_more_of_a_program_that_could_run_anywhere() {
        assert_eq!(program("Boto3/1.34.0", "10.0.3.7"), Program::Vpc);
        assert_eq!(program("aws-cli/2.15.0", "fd00::1"), Program::Vpc);
        assert_eq!(program("cloudformation.amazonaws.com", "cloudformation.amazonaws.com"), Program::Service);
        assert_eq!(program("APN/1.0 HashiCorp/1.0 Terraform/1.5.7", "10.0.3.7"), Program::Infrastructure);
        assert_eq!(program("exec-env/AWS_Lambda_python3.12", "10.0.3.7"), Program::Lambda);
    }
}

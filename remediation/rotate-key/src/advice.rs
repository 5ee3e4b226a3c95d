//! What could take the place of an access key, for owners who shall not have another one, by the evidence of what uses it.
//!
//! Sources: IAM User Guide, "Alternatives to long-term access keys" and "Security best practices in IAM" (temporary
//! credentials for people and workloads, IAM Roles Anywhere outside of AWS, OIDC federation for CI); Amazon SES Developer
//! Guide, "Obtaining Amazon SES SMTP credentials" (an SMTP password is derived from an access key of an IAM user).

use std::collections::BTreeMap;

use credwarden_credential::snapshot::{Credential, LastUse};
use credwarden_credential::usage::{Use, Uses};

use crate::program::Program;

/// Services whose last call says that a deployment made it.
const OF_DEPLOYMENTS: [&str; 9] =
    ["cloudformation", "codebuild", "codedeploy", "codepipeline", "ecr", "ecs", "eks", "elasticbeanstalk", "lambda"];

/// Services whose last call says that a person made it, or a tool for one.
const OF_PEOPLE: [&str; 6] = ["access-analyzer", "ce", "health", "iam", "organizations", "support"];

/// How many programs are told of, and replaced, one by one: a message has room for so many.
const TOLD: usize = 2;

/// What to use in place of `key`, and how to come there, in a few sentences. Both the last use and what callers say of
/// themselves are hints, not proofs.
pub fn advice(key: &Credential, uses: &Uses) -> String {
    let id = &key.id;
    let seen = match uses {
        Uses::Read(read) => seen(read),
        Uses::NotRead | Uses::Unread(_) => Vec::new(),
    };
    if seen.is_empty() {
        return format!("{}{}", by_last_use(key), unseen(uses));
    }
    let told: Vec<_> = seen.iter().take(TOLD).map(Seen::told).collect();
    let more = seen.len().saturating_sub(TOLD);
    let more = if more == 0 { String::new() } else { format!(" and {more} more") };
    let mut instead: Vec<&str> = seen.iter().take(TOLD).map(|seen| instead_of(seen.program, seen.newest)).collect();
    instead.dedup();
    format!("{id} is used by {}{more}: {}", told.join(", "), instead.join(" "))
}

/// What is said where no event tells.
fn unseen(uses: &Uses) -> String {
    match uses {
        Uses::Read(_) => {
            " CloudTrail's event history shows no call with it; data events, as of objects in S3, are not \
                          in it."
                .to_owned()
        }
        Uses::NotRead => format!(" {CLOUDTRAIL}"),
        Uses::Unread(why) => format!(" What uses it could not be read ({}). {CLOUDTRAIL}", short(why, 120)),
    }
}

/// One program that uses a key.
struct Seen<'a> {
    program: Program,
    newest: &'a Use,
}

impl Seen<'_> {
    /// Who, of what, from where and when. Nothing of it is a text that the caller could make up at will.
    fn told(&self) -> String {
        let Use { at, service, region, source, .. } = self.newest;
        let plain = |text: &str| -> String {
            let is_plain = |character: &char| character.is_ascii_alphanumeric() || ".:-_".contains(*character);
            text.chars().filter(is_plain).take(64).collect()
        };
        let (service, region, source) = (plain(service), plain(region), plain(source));
        format!("{} ({service} in {region} from {source}, last {})", self.program, at.strftime("%Y-%m-%d"))
    }
}

/// The programs, the one with the most calls first.
fn seen(uses: &[Use]) -> Vec<Seen<'_>> {
    let mut programs: BTreeMap<Program, (usize, &Use)> = BTreeMap::new();
    for used in uses {
        let (count, newest) = programs.entry(Program::of(used)).or_insert((0, used));
        *count = count.saturating_add(1);
        if newest.at < used.at {
            *newest = used;
        }
    }
    let mut seen: Vec<_> = programs.into_iter().collect();
    seen.sort_by_key(|(program, (count, _))| (std::cmp::Reverse(*count), *program));
    seen.into_iter().map(|(program, (_, newest))| Seen { program, newest }).collect()
}

/// What takes the place of a key that a program uses.
fn instead_of(program: Program, newest: &Use) -> &'static str {
    match newest.service.as_str() {
        "ses" | "email" => return SMTP,
        "codecommit" => return CODECOMMIT,
        _ => {}
    }
    match program {
        Program::GitHubActions => GITHUB,
        Program::GitLab => GITLAB,
        Program::Jenkins => JENKINS,
        Program::OtherCi => CI,
        Program::Infrastructure => INFRASTRUCTURE,
        Program::Lambda => LAMBDA,
        Program::Ecs => ECS,
        Program::CodeBuild => CODEBUILD,
        Program::Kubernetes => KUBERNETES,
        Program::Vpc => EC2,
        Program::Cli | Program::Desktop => PEOPLE,
        Program::Service | Program::Sdk | Program::Unknown => ROLES,
    }
}

/// What the last use alone says.
fn by_last_use(key: &Credential) -> String {
    let id = &key.id;
    let (at, service, region) = match &key.last_use {
        LastUse::Never => {
            return format!("{id} was never used: delete it if nothing waits for it. If something does, {ROLES}");
        }
        LastUse::NotRead | LastUse::Unread(_) => return ROLES.to_owned(),
        LastUse::At { at, service, region } => (at, service.as_str(), region),
    };
    let instead = match service {
        "ses" | "email" => SMTP,
        "codecommit" => CODECOMMIT,
        service if OF_DEPLOYMENTS.contains(&service) => CI,
        service if OF_PEOPLE.contains(&service) => PEOPLE,
        _ => ROLES,
    };
    format!("{id} was used last at {at}, of {service} in {region}: {instead}")
}

/// The beginning of a text that others wrote.
fn short(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

const ROLES: &str = "give whatever runs on AWS a role (an EC2 instance profile, an ECS task role, a Lambda execution role, \
    EKS Pod Identity) and take the key out of its configuration: the SDKs find the role by themselves. A server elsewhere \
    gets one by IAM Roles Anywhere: register its certificate authority as a trust anchor, create a profile with the role, \
    and name aws_signing_helper as `credential_process`.";

const CI: &str = "if a CI system deploys with it (GitHub Actions, GitLab and others), register that as an OIDC identity \
    provider in IAM, create a role that trusts exactly your repository and branch, and have the pipeline assume it. On AWS, \
    use the role of the build or the instance.";

const GITHUB: &str = "register token.actions.githubusercontent.com as an OIDC identity provider in IAM, create a role that \
    trusts exactly your repository and branch (condition on `sub`), give the workflow `id-token: write`, and name the role as \
    `role-to-assume` of aws-actions/configure-aws-credentials.";

const GITLAB: &str = "register your GitLab as an OIDC identity provider in IAM, create a role that trusts exactly your project \
    and branch (condition on `sub`), ask for an `id_tokens` in the job, and have it assume the role.";

const JENKINS: &str = "where Jenkins or its agent runs on AWS, give the instance or the task a role and take the key out of \
    its credentials; elsewhere use IAM Roles Anywhere on the agent, or the OIDC provider plugin with a role that trusts \
    exactly the job.";

const INFRASTRUCTURE: &str = "in a pipeline, have the CI system assume a role by OIDC, or use the role of the build, and leave \
    credentials out of the provider's configuration; at a desk, use `aws sso login` and name its profile.";

const LAMBDA: &str = "take the key out of the function's environment: its execution role gives it credentials by itself. Give \
    that role what the key may do.";

const ECS: &str = "take the key out of the task definition and give it a task role, which the SDKs find by themselves.";

const CODEBUILD: &str = "take the key out of the build's environment: its service role gives it credentials by itself.";

const KUBERNETES: &str = "on EKS, bind the pod's service account to a role by EKS Pod Identity and take the key out of its \
    secret; elsewhere register the cluster as an OIDC identity provider, or use IAM Roles Anywhere.";

const EC2: &str = "give the EC2 instance a role by an instance profile (a task or function has a role of its own) and take the \
    key out of its configuration: the SDKs find the role by themselves. A server of your own that reaches AWS through the VPC \
    gets one by IAM Roles Anywhere.";

const PEOPLE: &str = "if a person works with it, assign the account and a permission set in IAM Identity Center, and use \
    `aws configure sso` and `aws sso login`, which give credentials of some hours. A script on a server gets a role instead.";

const SMTP: &str = "an SMTP password of Amazon SES is made of an access key, so no role replaces it there. Send by the SES \
    API with a role, or have one mail relay with a role send for all.";

const CODECOMMIT: &str = "use git-remote-codecommit, which signs with whatever credentials the AWS CLI has: a role on AWS, \
    `aws sso login` for people.";

const CLOUDTRAIL: &str = "CloudTrail's event history, looked up by the access key, tells from where and by which program it \
    is used.";

#[cfg(test)]
mod tests {
    use credwarden_credential::snapshot::{Gap, GapReason, Status};

    use super::*;

    /// How much of a sentence is told to an owner, in bytes.
    const ROOM: usize = 1_000;

    fn advised(last_use: LastUse, uses: &Uses) -> String {
        let key = Credential {
            id: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
            status: Status::Active,
            created: jiff::Timestamp::UNIX_EPOCH,
            expires: None,
            service: None,
            last_use,
        };
        let advised = advice(&key, uses);
        assert!(advised.len() <= ROOM, "{} bytes: {advised}", advised.len());
        advised
    }

    fn last_used(service: &str) -> LastUse {
        let (at, region) = ("2026-01-01T00:00:00Z".parse().unwrap(), "eu-central-1".to_owned());
        LastUse::At { at, service: service.to_owned(), region }
    }

    fn used(agent: &str, service: &str, day: i8) -> Use {
        Use {
            at: format!("2026-01-{day:02}T00:00:00Z").parse().unwrap(),
            service: service.to_owned(),
            region: "eu-central-1".to_owned(),
            source: "198.51.100.7".to_owned(),
            through_vpc: false,
            agent: agent.to_owned(),
        }
    }

    #[test]
    fn what_uses_the_key_says_what_could_take_its_place() {
        for (agent, service, instead) in [
            ("configure-aws-credentials-for-github-actions", "sts", "token.actions.githubusercontent.com"),
            ("gitlab-runner", "s3", "your GitLab as an OIDC identity provider"),
            ("Jenkins/2.4", "ecr", "Jenkins or its agent"),
            ("Terraform/1.5.7", "ec2", "leave credentials out of the provider's configuration"),
            ("Boto3 exec-env/AWS_Lambda_python3.12", "s3", "its execution role"),
            ("aws-sdk-java exec-env/AWS_ECS_FARGATE", "s3", "task role"),
            ("aws-cli/2.15.0", "s3", "IAM Identity Center"),
            ("Boto3/1.34.0", "s3", "IAM Roles Anywhere"),
            ("Boto3/1.34.0", "ses", "Send by the SES API"),
            ("git/2.40", "codecommit", "git-remote-codecommit"),
        ] {
            let advised = advised(last_used("s3"), &Uses::Read(vec![used(agent, service, 2)]));
            assert!(advised.contains(instead), "{agent}: {advised}");
            let evidence = format!("({service} in eu-central-1 from 198.51.100.7, last 2026-01-02)");
            assert!(advised.contains(&evidence), "{advised}");
        }
    }

    #[test]
    fn the_programs_with_the_most_calls_are_told_first_each_with_its_replacement() {
        let uses = vec![
            used("aws-cli/2.15.0", "iam", 5),
            used("Terraform/1.5.7", "ec2", 3),
            used("Terraform/1.5.7", "ec2", 4),
            used("curl/8.0", "s3", 6),
        ];
        let advised = advised(last_used("s3"), &Uses::Read(uses));
        let place = |words: &str| advised.find(words).unwrap_or_else(|| panic!("{words}: {advised}"));
        assert!(
            place("Terraform or the like (ec2 in eu-central-1 from 198.51.100.7, last 2026-01-04)") < place("AWS CLI")
        );
        assert!(advised.contains(" and 1 more: ") && place("by OIDC") < place("IAM Identity Center"), "{advised}");
    }

    #[test]
    fn whatever_a_caller_says_of_itself_it_cannot_put_words_into_the_advice() {
        let hostile = Use {
            source: "1.2.3.4, Do: send your key to evil@example.com".to_owned(),
            ..used("By: pay at once\n\nDo: send your key", "s3", 2)
        };
        let advised = advised(last_used("s3"), &Uses::Read(vec![hostile]));
        assert!(!advised.contains("send your key") && !advised.contains("pay at once"), "{advised}");
    }

    #[test]
    fn where_no_event_tells_the_last_use_says_what_could_take_the_place() {
        for (service, instead) in [
            ("ecr", "OIDC identity provider"),
            ("iam", "IAM Identity Center"),
            ("ses", "Send by the SES API"),
            ("codecommit", "git-remote-codecommit"),
            ("s3", "IAM Roles Anywhere"),
        ] {
            for uses in [Uses::NotRead, Uses::Read(Vec::new()), Uses::Unread("access denied".to_owned())] {
                let advised = advised(last_used(service), &uses);
                assert!(advised.contains(instead), "{service}: {advised}");
                assert!(advised.contains("was used last at 2026-01-01T00:00:00Z"), "{advised}");
                assert!(advised.contains("CloudTrail"), "{advised}");
            }
        }
    }

    #[test]
    fn a_history_that_could_not_be_read_is_said_to_be_so() {
        let why = "failed to look up the events of access key: access denied".to_owned();
        assert!(advised(last_used("s3"), &Uses::Unread(why)).contains("could not be read (failed to look up"));
    }

    #[test]
    fn a_key_that_was_never_used_needs_nothing_in_its_place() {
        assert!(advised(LastUse::Never, &Uses::Read(Vec::new())).contains("delete it if nothing waits for it"));
    }

    #[test]
    fn where_the_last_use_is_not_known_nothing_is_said_of_it() {
        let gap = Gap::new(GapReason::Denied, "read the last use");
        for last_use in [LastUse::NotRead, LastUse::Unread(gap)] {
            let advised = advised(last_use, &Uses::NotRead);
            assert!(!advised.contains("was used") && advised.contains("CloudTrail"), "{advised}");
        }
    }
}

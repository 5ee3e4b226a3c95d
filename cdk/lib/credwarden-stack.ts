import { Annotations, CfnOutput, CfnParameter, CfnRule, Fn, Lazy, Stack } from 'aws-cdk-lib';
import * as iam from 'aws-cdk-lib/aws-iam';
import type * as sns from 'aws-cdk-lib/aws-sns';
import type * as sqs from 'aws-cdk-lib/aws-sqs';
import type { Construct } from 'constructs';
import type {
  Catalogue,
  FunctionEntry,
  GrantTarget,
  ListenerEntry,
  RemedyEntry,
  RotatorEntry,
  RuleEntry,
  ScheduleEntry,
} from './configuration/catalogue.js';
import type { Deployment } from './configuration/deployment.js';
import type { Policy } from './configuration/policy.js';
import { Alarms } from './constructs/alarms.js';
import { ApprovalDocument } from './constructs/approval-document.js';
import { listedApprovers } from './constructs/approval-step.js';
import { AutomationRole } from './constructs/automation-role.js';
import { CatalogueFunction } from './constructs/catalogue-function.js';
import { EnrolmentDocument } from './constructs/enrolment-document.js';
import { ExceptionDocument } from './constructs/exception-document.js';
import { FailedEvents } from './constructs/failed-events.js';
import { BUILD_FIRST, type FunctionCodes } from './constructs/function-code.js';
import { functionArn, type GrantResources, grantResources, grantStatements } from './constructs/grants.js';
import { Listener } from './constructs/listener.js';
import { Memory } from './constructs/memory.js';
import { NoticeTopic } from './constructs/notice-topic.js';
import { RotationDocuments } from './constructs/rotation-documents.js';
import { Rotator } from './constructs/rotator.js';
import { Rule } from './constructs/rule.js';
import { Schedule } from './constructs/schedule.js';
import { SessionPolicy } from './constructs/session-policy.js';
import { UndoDocument } from './constructs/undo-document.js';
import { idOf, Names } from './names.js';

export interface CredwardenStackProps {
  readonly deployment: Deployment;
  readonly policy: Policy;
  readonly catalogue: Catalogue;
  readonly codes: FunctionCodes;
}

/**
 * Credwarden in one account: everything that the catalogue lists, and the memory that it shares.
 *
 * The account is whichever deploys; the region is the deployment's and no other. Nothing here knows a rule, remedy,
 * schedule or listener by name.
 */
export class CredwardenStack extends Stack {
  private readonly props: CredwardenStackProps;
  private readonly names: Names;
  private readonly alarms: Alarms;
  private readonly memory: Memory;
  private readonly automationRole: iam.Role;
  private readonly noticeTopic: sns.ITopic;
  private readonly sessionPolicy: iam.ManagedPolicy;
  private readonly functions: CatalogueFunction[] = [];
  private readonly remedyRoleArns: string[] = [];
  private readonly ruleArns = new Map<string, string>();

  constructor(scope: Construct, id: string, props: CredwardenStackProps) {
    const { deployment, policy, catalogue } = props;
    super(scope, id, {
      stackName: deployment.prefix,
      env: { region: deployment.region },
      description: 'Credwarden: finds long-term credentials that break the policy, and remedies them.',
    });
    this.props = props;
    this.names = new Names(deployment.prefix);
    this.alarms = new Alarms(deployment.alarmTopicArn);
    this.memory = new Memory(this, 'Memory', { names: this.names, policyDocument: policy.document });
    const { names } = this;
    this.noticeTopic = new NoticeTopic(this, 'Notices', names).topic;
    this.sessionPolicy = new SessionPolicy(this, 'Sessions', names).policy;
    const tellers = catalogue.schedules.filter(({ name }) => catalogue.rules.some(({ tells }) => tells === name));
    this.automationRole = new AutomationRole(this, 'Automation', { remedies: catalogue.remedies, tellers, names }).role;

    for (const entry of catalogue.remedies) this.addRemedy(entry);
    for (const entry of catalogue.rotators) this.addRotator(entry);
    for (const entry of catalogue.rules) this.addRule(entry);
    for (const entry of catalogue.schedules) this.addSchedule(entry);
    for (const entry of catalogue.events) this.addListener(entry);
    this.refusePlaceholders();

    new CfnOutput(this, 'AutomationRoleArn', {
      value: this.automationRole.roleArn,
      description: 'Role to name when a person starts one of the documents (AutomationAssumeRole).',
    });
    new CfnOutput(this, 'NoticeTopicArn', {
      value: this.noticeTopic.topicArn,
      description:
        'Topic by which owners are told; subscribe with a filter policy on the attributes `owner` and `audience`.',
    });
  }

  private addRemedy(entry: RemedyEntry): void {
    const { policy, catalogue } = this.props;
    const added = this.addFunction(
      entry,
      {
        CREDWARDEN_KILL_SWITCH_PARAMETER: this.names.killSwitchParameter,
        CREDWARDEN_SESSION_POLICY_ARN: this.sessionPolicy.managedPolicyArn,
        CREDWARDEN_ENROLLED_PATH: this.props.deployment.enrolledPath,
        CREDWARDEN_MINT_FUNCTION_ARN: functionArn(this, this.names.mintFunction),
        ...this.ownRoles(),
      },
      { denied: this.deniedTo(entry) },
    );
    // What is about exceptions changes no credential.
    if (!entry.exceptions) this.remedyRoleArns.push(added.role.roleArn);
    const resourceTypes = catalogue.rules
      .filter(({ remedies }) => remedies.includes(entry.name))
      .map(({ resourceType }) => resourceType);
    if (entry.undo) {
      new UndoDocument(this, `${idOf(entry)}Undo`, { entry, resourceTypes, names: this.names });
    }
    if (entry.rotations) {
      new RotationDocuments(this, `${idOf(entry)}Rotations`, { entry, resourceTypes, names: this.names });
    }
    const { approvers } = policy;
    // Where nobody can approve, nothing can be asked.
    if (entry.approvals && listedApprovers(approvers).length > 0) {
      new ApprovalDocument(this, `${idOf(entry)}Approvals`, { entry, resourceTypes, approvers, names: this.names });
    }
    if (entry.exceptions) {
      new ExceptionDocument(this, `${idOf(entry)}Exceptions`, {
        entry,
        rules: catalogue.rules,
        approvers,
        names: this.names,
      });
      new EnrolmentDocument(this, `${idOf(entry)}Enrolments`, { entry, approvers, names: this.names });
    }
  }

  private addRotator(entry: RotatorEntry): void {
    const added = this.addFunction(
      entry,
      {
        CREDWARDEN_KILL_SWITCH_PARAMETER: this.names.killSwitchParameter,
        CREDWARDEN_ENROLLED_PATH: this.props.deployment.enrolledPath,
        ...this.ownRoles(),
      },
      { denied: this.deniedTo(entry) },
    );
    this.remedyRoleArns.push(added.role.roleArn);
    new Rotator(this, `${idOf(entry)}Rotator`, { function: added.function, names: this.names });
  }

  /**
   * INVARIANT (protected): what the policy protects at synth is denied by the role itself; the policy that is live later
   * can only add to it.
   */
  private deniedTo({ changes }: RemedyEntry | RotatorEntry): iam.PolicyStatement[] {
    const { policy } = this.props;
    if (policy.protected.length === 0 || changes.length === 0) return [];
    const [actions, resources] = [[...changes], [...policy.protected]];
    return [new iam.PolicyStatement({ effect: iam.Effect.DENY, actions, resources })];
  }

  private addRule(entry: RuleEntry): void {
    const [remedy, ...others] = entry.remedies.map((named) => {
      const found = this.props.catalogue.remedies.find(({ name }) => name === named);
      if (found === undefined) throw new Error(`the rule \`${entry.name}\` has no remedy \`${named}\``);
      return found;
    });
    if (remedy === undefined) throw new Error(`the rule \`${entry.name}\` has no remedy`);
    const ownRule = entry.grants.filter(({ on }) => on === 'own-rule');
    const grants = entry.grants.filter(({ on }) => on !== 'own-rule');
    const added = this.addFunction({ ...entry, grants }, this.ownRoles());
    const rule = new Rule(this, `${idOf(entry)}Rule`, {
      entry,
      remedy,
      others,
      function: added.function,
      deployment: this.props.deployment,
      names: this.names,
      automationRole: this.automationRole,
      alarms: this.alarms,
    });
    this.ruleArns.set(entry.name, rule.arn);
    if (ownRule.length > 0) {
      // The rule's ARN exists after the rule, the rule after its function, the function after its role: this policy
      // must not be part of the role, nor the function wait for it. A run that AWS Config starts in the seconds between
      // fails, and the next one does not.
      new iam.Policy(rule, 'OwnRule', {
        roles: [added.role],
        statements: grantStatements(ownRule, this.resourcesOf(entry.name), this.sessionPolicy.managedPolicyArn),
      });
    }
  }

  private addSchedule(entry: ScheduleEntry): void {
    const added = this.addFunction(entry, {
      CREDWARDEN_KILL_SWITCH_PARAMETER: this.names.killSwitchParameter,
      CREDWARDEN_AUTOMATION_ROLE_ARN: this.automationRole.roleArn,
      CREDWARDEN_NOTICE_TOPIC_ARN: this.noticeTopic.topicArn,
      CREDWARDEN_ACCOUNT_CONTACT: this.props.deployment.accountContact,
      CREDWARDEN_SECURITY_CONTACT: this.props.deployment.securityContact ?? this.props.deployment.accountContact,
    });
    new Schedule(this, `${idOf(entry)}Schedule`, {
      entry,
      function: added.function,
      names: this.names,
      alarms: this.alarms,
    });
  }

  private addListener(entry: ListenerEntry): void {
    const { names, alarms } = this;
    const { mode } = this.props.deployment.remediation;
    const { queue } = new FailedEvents(this, `${idOf(entry)}FailedEvents`, { entry, names, alarms });
    // Where people start remediation, events start none: the role itself does not let them.
    const grants = mode === 'automatic' ? entry.grants : entry.grants.filter(({ on }) => !STARTING.includes(on));
    const added = this.addFunction(
      { ...entry, grants },
      {
        CREDWARDEN_REMEDIATION: mode,
        CREDWARDEN_AUTOMATION_ROLE_ARN: this.automationRole.roleArn,
        ...this.ownRoles(),
      },
      { failures: queue, owner: entry.package },
    );
    new Listener(this, `${idOf(entry)}Listener`, { entry, function: added.function, failures: queue, names });
  }

  /** Which roles change IAM in Credwarden's name: by them a function tells its own acts from anybody else's. */
  private ownRoles(): Readonly<Record<string, string>> {
    // The remedies' own environment names them, too, before the last of them is there.
    return { CREDWARDEN_REMEDY_ROLE_ARNS: Lazy.string({ produce: () => this.remedyRoleArns.join(',') }) };
  }

  private addFunction(
    entry: FunctionEntry,
    environment: Readonly<Record<string, string>>,
    {
      denied = [],
      failures,
      owner = entry.name,
    }: { denied?: readonly iam.PolicyStatement[]; failures?: sqs.IQueue; owner?: string } = {},
  ): CatalogueFunction {
    const { deployment, codes } = this.props;
    const added = new CatalogueFunction(this, `${idOf(entry)}Function`, {
      entry,
      deployment,
      names: this.names,
      codes,
      alarms: this.alarms,
      environment: {
        CREDWARDEN_PREFIX: deployment.prefix,
        CREDWARDEN_POLICY_PARAMETER: this.names.policyParameter,
        CREDWARDEN_LEDGER_TABLE: this.names.ledger,
        ...environment,
      },
      resources: this.resourcesOf(owner),
      sessionPolicyArn: this.sessionPolicy.managedPolicyArn,
      denied,
      ...(failures === undefined ? {} : { failures }),
    });
    this.functions.push(added);
    return added;
  }

  private resourcesOf(owner: string): GrantResources {
    return grantResources(this, {
      owner,
      catalogue: this.props.catalogue,
      names: this.names,
      ledgerArn: this.memory.ledger.tableArn,
      automationRoleArn: this.automationRole.roleArn,
      noticeTopicArn: this.noticeTopic.topicArn,
      enrolledPath: this.props.deployment.enrolledPath,
      ruleArns: this.ruleArns,
    });
  }

  /** CloudFormation evaluates a template's rules before it makes or changes anything. */
  private refusePlaceholders(): void {
    if (this.functions.every(({ built }) => built)) return;
    Annotations.of(this).addWarningV2('credwarden:placeholder', `${BUILD_FIRST}; this template cannot be deployed`);
    const code = new CfnParameter(this, 'FunctionCode', {
      type: 'String',
      default: 'placeholder',
      allowedValues: ['placeholder'],
      description: `Has no other value in this template: ${BUILD_FIRST}.`,
    });
    new CfnRule(this, 'FunctionsAreBuilt', {
      assertions: [{ assert: Fn.conditionEquals(code.valueAsString, 'built'), assertDescription: BUILD_FIRST }],
    });
  }
}

/** What a function is granted to start a document. */
const STARTING: readonly GrantTarget[] = ['own-document', 'automation-role'];

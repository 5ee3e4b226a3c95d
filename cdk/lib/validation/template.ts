import { checkAutomationDocument } from './automation-document.js';
import { checkRemediation } from './config-remediation.js';
import { checkConfigRule } from './config-rule.js';
import type { Fault } from './fault.js';
import { isObject, type JsonObject, objectOf, textOf } from './json.js';

/** A fault and the resource that has it. */
export interface TemplateFault extends Fault {
  readonly logicalId: string;
}

/** Bytes that a parameter holds, AWS Systems Manager's quotas. */
const PARAMETER_BYTES: Readonly<Record<string, number>> = { Standard: 4096, Advanced: 8192 };

/**
 * Checks of a template that neither CloudFormation, cfn-lint nor cdk-nag makes before a deployment fails or, worse,
 * succeeds: content of documents, and what binds rule, document, function and remediation.
 */
export function checkTemplate(template: unknown): TemplateFault[] {
  const resources = objectOf(objectOf(template)['Resources']);
  return Object.entries(resources).flatMap(([logicalId, resource]) =>
    checkResource(objectOf(resource), logicalId, resources).map((fault) => ({ ...fault, logicalId })),
  );
}

function checkResource(resource: JsonObject, logicalId: string, resources: JsonObject): Fault[] {
  const properties = objectOf(resource['Properties']);
  switch (resource['Type']) {
    case 'AWS::SSM::Document':
      return [...checkDocumentResource(properties), ...checkAutomationDocument(properties['Content'])];
    case 'AWS::Config::ConfigRule':
      return [...checkConfigRule(properties), ...checkPermission(resource, logicalId, resources)];
    case 'AWS::Config::RemediationConfiguration': {
      const document = referred(properties['TargetId'], 'AWS::SSM::Document', resources);
      const content = document === undefined ? undefined : objectOf(objectOf(document['Properties'])['Content']);
      return [...checkRemediation(properties, content), ...checkRuleName(properties, resources)];
    }
    case 'AWS::SSM::Parameter':
      return checkParameterSize(properties);
    default:
      return [];
  }
}

function checkDocumentResource(properties: JsonObject): Fault[] {
  const faults: Fault[] = [];
  const name = textOf(properties['Name']);
  if (!/^(?!aws|amazon|amzn)[a-zA-Z0-9_.-]{3,128}$/.test(name)) {
    faults.push({ check: 'document', place: 'Name', what: `\`${name}\` is no name`, fix: 'use 3 to 128 characters' });
  }
  if (properties['DocumentType'] !== 'Automation') {
    faults.push({ check: 'document', place: 'DocumentType', what: 'is not Automation', fix: 'write Automation' });
  }
  if (properties['UpdateMethod'] !== 'NewVersion') {
    const fix = 'write NewVersion: a replacement would need another name';
    faults.push({ check: 'document', place: 'UpdateMethod', what: 'is not NewVersion', fix });
  }
  return faults;
}

/** AWS Config checks, while it makes a rule, that it may invoke the function. */
function checkPermission(rule: JsonObject, logicalId: string, resources: JsonObject): Fault[] {
  const identifier = JSON.stringify(objectOf(objectOf(rule['Properties'])['Source'])['SourceIdentifier']);
  const permissions = Object.entries(resources).filter(([, resource]) => {
    const { Type: type, Properties: properties } = objectOf(resource);
    const { Principal: principal, FunctionName: name, SourceAccount: account } = objectOf(properties);
    const isForConfig = type === 'AWS::Lambda::Permission' && principal === 'config.amazonaws.com';
    return (
      isForConfig && JSON.stringify(name) === identifier && isObject(account) && account['Ref'] === 'AWS::AccountId'
    );
  });
  const before = [rule['DependsOn'] ?? []].flat();
  if (permissions.some(([id]) => before.includes(id))) return [];
  const fix = 'permit config.amazonaws.com with SourceAccount, and let the rule depend on that';
  return [{ check: 'permission', place: logicalId, what: 'AWS Config may not invoke the function in time', fix }];
}

function checkRuleName(properties: JsonObject, resources: JsonObject): Fault[] {
  if (referred(properties['ConfigRuleName'], 'AWS::Config::ConfigRule', resources) !== undefined) return [];
  const what = 'is no rule of this template';
  return [{ check: 'target', place: 'ConfigRuleName', what, fix: 'refer to the rule, so that it is made first' }];
}

function checkParameterSize(properties: JsonObject): Fault[] {
  const limit = PARAMETER_BYTES[textOf(properties['Tier'] ?? 'Standard')] ?? 0;
  const size = Buffer.byteLength(textOf(properties['Value']), 'utf8');
  if (size <= limit) return [];
  return [{ check: 'parameter-size', place: 'Value', what: `has ${size} bytes`, fix: `use at most ${limit}` }];
}

/** The resource of that type that a `Ref` names. */
function referred(value: unknown, type: string, resources: JsonObject): JsonObject | undefined {
  const resource = resources[textOf(objectOf(value)['Ref'])];
  return isObject(resource) && resource['Type'] === type ? resource : undefined;
}

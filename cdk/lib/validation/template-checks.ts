import { readFileSync } from 'node:fs';
import type { IPolicyValidationContext, IPolicyValidationPlugin, PolicyValidationPluginReport } from 'aws-cdk-lib';
import { checkTemplate } from './template.js';

/** Runs `checkTemplate` on every template that is synthesized; a fault fails the synthesis. */
export class TemplateChecks implements IPolicyValidationPlugin {
  readonly name = 'Credwarden';

  validate(context: IPolicyValidationContext): PolicyValidationPluginReport {
    const violations = context.templatePaths.flatMap((templatePath) => {
      const template: unknown = JSON.parse(readFileSync(templatePath, 'utf8'));
      return checkTemplate(template).map(({ check, logicalId, place, what, fix }) => ({
        ruleName: check,
        description: `${place}: ${what}`,
        fix,
        violatingResources: [{ resourceLogicalId: logicalId, templatePath, locations: [place] }],
      }));
    });
    return { success: violations.length === 0, violations };
  }
}

import { App, Validations } from 'aws-cdk-lib';
import { AwsSolutionsChecks } from 'cdk-nag';
import { CredwardenStack, type CredwardenStackProps } from './credwarden-stack.js';
import { TemplateChecks } from './validation/template-checks.js';

/** The construct id of the stack, and so the name of its template in the cloud assembly. */
export const STACK_ID = 'Credwarden';

/** The one stack, in an app that refuses to synthesize what cdk-nag or our own checks find fault with. */
export function credwardenApp(props: CredwardenStackProps, app = new App()): { app: App; stack: CredwardenStack } {
  const stack = new CredwardenStack(app, STACK_ID, props);
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app), new TemplateChecks());
  return { app, stack };
}

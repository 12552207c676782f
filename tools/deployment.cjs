'use strict';

// Serverless plugin: checks the deploy parameters before anything is packaged, and gives all roles of the template the
// permissions boundary of the parameter permissionsBoundary, also those that serverless itself might add.

const { spawnSync } = require('node:child_process');
const fs = require('node:fs');
const path = require('node:path');

class Deployment {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = {
      'before:package:cleanup': () => this.check(),
      'after:aws:package:finalize:mergeCustomProviderResources': () => this.setBoundary(),
    };
  }

  check() {
    const root = this.serverless.serviceDir;
    const python = path.join(root, '.venv', 'bin', 'python');
    if (!fs.existsSync(python)) this.fail(`${python} is missing; "make setup" installs it.`);
    const provider = this.serverless.getProvider('aws');
    const { parameters, given } = this.readParameters(provider.getStage());
    const input = JSON.stringify({ region: provider.getRegion(), stack: provider.naming.getStackName(), parameters, given });
    const ended = spawnSync(python, ['-m', 'tools.check_deployment'], { cwd: root, input, encoding: 'utf8' });
    if (ended.status !== 0) this.fail((ended.stdout || ended.stderr || String(ended.error)).trim());
  }

  // --param options are stronger than the parameters of a stage, and those than the defaults.
  readParameters(stage) {
    const { default: defaults, [stage]: ofStage } = this.serverless.configurationInput.params;
    const options = (this.serverless.processedInput.options.param || []).map((text) => {
      const [name, ...rest] = text.split('=');
      return [name, rest.join('=').trimEnd()];
    });
    const own = { ...(stage === 'default' ? {} : ofStage), ...Object.fromEntries(options) };
    return { parameters: { ...defaults, ...own }, given: Object.keys(own) };
  }

  setBoundary() {
    const { Resources } = this.serverless.service.provider.compiledCloudFormationTemplate;
    for (const { Type, Properties } of Object.values(Resources)) {
      if (Type === 'AWS::IAM::Role') {
        Properties.PermissionsBoundary = {
          'Fn::If': ['HasPermissionsBoundary', { Ref: 'PermissionsBoundary' }, { Ref: 'AWS::NoValue' }],
        };
      }
    }
  }

  fail(message) {
    throw new this.serverless.classes.Error(message);
  }
}

module.exports = Deployment;

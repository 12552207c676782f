'use strict';

// Serverless plugin: checks that the environment of each function fits into Lambda, before anything is uploaded.
// sagebuild/deployment/environment_size.py measures it, also for `sagebuild up`.

const { spawnSync } = require('node:child_process');
const path = require('node:path');

// Parameters of the deployment that a variable has in another form than their own.
const IN_BUCKET_ACCESS = ['readBuckets', 'writeBuckets', 'trainingPolicies', 'hostingPolicies'];

class EnvironmentSize {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = { 'after:aws:package:finalize:mergeCustomProviderResources': () => this.check() };
  }

  check() {
    const provider = this.serverless.getProvider('aws');
    const input = JSON.stringify({
      template: this.serverless.service.provider.compiledCloudFormationTemplate,
      region: provider.getRegion(),
      stack: provider.naming.getStackName(),
      lists: readLists(this.serverless),
    });
    const root = this.serverless.serviceDir;
    const python = path.join(root, '.venv', 'bin', 'python');
    const ended = spawnSync(python, ['-m', 'sagebuild.deployment.environment_size'], { cwd: root, input, encoding: 'utf8' });
    const problem = ended.status === 0 ? ended.stdout.trim() : ended.stderr || String(ended.error);
    if (problem) throw new this.serverless.classes.Error(problem);
  }
}

function readLists(serverless) {
  const { params } = serverless.configurationInput;
  const options = (serverless.processedInput.options.param || []).map((text) => [
    text.slice(0, text.indexOf('=')),
    text.slice(text.indexOf('=') + 1),
  ]);
  const given = { ...params.default, ...params[serverless.getProvider('aws').getStage()], ...Object.fromEntries(options) };
  return Object.fromEntries(IN_BUCKET_ACCESS.map((name) => [name, String(given[name] ?? '')]));
}

module.exports = EnvironmentSize;

'use strict';

// Serverless plugin: the variables ${bucketAccess:...}, access to buckets of your own.
//
// The deploy parameters readBuckets and writeBuckets list S3 addresses. sagebuild/deployment/bucket_access.py checks
// them, and writes the policy statements for resources/buckets.yml and the setting BUCKET_ACCESS.

const { spawnSync } = require('node:child_process');
const path = require('node:path');

const LISTS = ['readBuckets', 'writeBuckets', 'trainingPolicies', 'hostingPolicies'];
const ROLES = ['TrainingRole', 'HostingRole', 'BuildStepsRole', 'ModelStepsRole', 'ImageProjectRole'];

class BucketAccess {
  constructor(serverless) {
    this.serverless = serverless;
    this.configurationVariablesSources = {
      bucketAccess: { resolve: async ({ address, resolveVariable }) => this.resolve(address, resolveVariable) },
    };
    // Later than the variables, so that each problem is reported once.
    this.hooks = { 'before:package:initialize': () => this.raiseProblems() };
  }

  async resolve(address, resolveVariable) {
    this.access ??= this.describe(resolveVariable);
    const access = await this.access;
    if (!(address in access)) throw new this.serverless.classes.Error(`There is no variable \${bucketAccess:${address}}.`);
    return { value: access[address] };
  }

  async describe(resolveVariable) {
    const given = {};
    for (const name of LISTS) given[name] = String((await resolveVariable(`param:${name}`)) ?? '');
    const policies = {};
    for (const role of ROLES) {
      policies[role] = await resolveVariable(`file(resources/access.yml):Resources.${role}.Properties.Policies`);
    }
    const root = path.join(__dirname, '..');
    const python = path.join(root, '.venv', 'bin', 'python');
    const input = JSON.stringify({ given, policies });
    const ended = spawnSync(python, ['-m', 'sagebuild.deployment.bucket_access'], { cwd: root, input, encoding: 'utf8' });
    if (ended.status !== 0) throw new this.serverless.classes.Error((ended.stderr || String(ended.error)).trim());
    return JSON.parse(ended.stdout);
  }

  async raiseProblems() {
    const { problems } = (await this.access) ?? { problems: [] };
    if (problems.length) throw new this.serverless.classes.Error(problems.join('\n'));
  }
}

module.exports = BucketAccess;

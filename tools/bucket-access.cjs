'use strict';

// Serverless plugin: the variables ${bucketAccess:...}, access to buckets of your own.
//
// The deploy parameters readBuckets and writeBuckets list S3 addresses. This plugin checks them and writes the policy
// statements for resources/buckets.yml. It also writes the setting BUCKET_ACCESS, with which Plan Build and the doctor
// judge addresses: the addresses of the parameters, and what the roles' policies in resources/access.yml allow.

const ADDRESS = /^(?:s3:\/\/)?(?<bucket>[a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/(?<prefix>[\w./=+@:-]*))?$/;
const POLICY = /^arn:aws[a-z-]*:iam::(?:\d{12}|aws):policy\/[\w+=.@/-]+$/;
// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: a function's environment has at most 4 KB.
const MOST_CHARACTERS = 1000;
const MOST_ADDRESSES = 20;
const MOST_POLICIES = 9; // https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html: 10 for each role

// The roles that read or write addresses of a parameter document, and the deploy parameters of their other policies.
const ROLES = {
  TrainingRole: 'trainingPolicies',
  HostingRole: 'hostingPolicies',
  BuildStepsRole: null,
  ModelStepsRole: null,
  ImageProjectRole: null,
};
const LISTS = ['readBuckets', 'writeBuckets', 'trainingPolicies', 'hostingPolicies'];

class BucketAccess {
  constructor(serverless) {
    this.serverless = serverless;
    this.problems = [];
    this.configurationVariablesSources = {
      bucketAccess: { resolve: async ({ address, resolveVariable }) => this.resolve(address, resolveVariable) },
    };
    // Later than the variables, so that each problem is reported once.
    this.hooks = { 'before:package:initialize': () => this.raiseProblems() };
  }

  async resolve(address, resolveVariable) {
    const given = {};
    for (const name of LISTS) given[name] = splitList(await resolveVariable(`param:${name}`));
    this.problems = [...findProblems(given)];
    const reads = readAddresses([...given.readBuckets, ...given.writeBuckets]);
    const writes = readAddresses(given.writeBuckets);
    const write = {
      readStatements: () => [allow('s3:GetObject', reads)],
      listStatements: () => allowListing(reads),
      versionStatements: () => [allow('s3:GetObjectVersion', reads)],
      writeStatements: () => [allow(['s3:PutObject', 's3:AbortMultipartUpload'], writes)],
      setting: async () => {
        const policies = {};
        for (const role of Object.keys(ROLES)) {
          policies[role] = await resolveVariable(`file(resources/access.yml):Resources.${role}.Properties.Policies`);
        }
        return { 'Fn::Sub': JSON.stringify(describeAccess(given, reads, writes, policies)) };
      },
    }[address];
    if (!write) throw new this.serverless.classes.Error(`There is no variable \${bucketAccess:${address}}.`);
    return { value: await write() };
  }

  raiseProblems() {
    if (this.problems.length) throw new this.serverless.classes.Error(this.problems.join('\n'));
  }
}

function splitList(value) {
  return String(value ?? '').split(/[\s,]+/).filter(Boolean);
}

function* findProblems(given) {
  for (const name of ['readBuckets', 'writeBuckets']) {
    for (const entry of given[name].filter((text) => !ADDRESS.test(text))) {
      yield `${name} contains '${entry}'; give S3 addresses such as s3://my-lake/iris/, with commas between them, in ` +
        'which a prefix consists of letters, digits and ./_=+@:-';
    }
  }
  const buckets = [...given.readBuckets, ...given.writeBuckets];
  if (buckets.length > MOST_ADDRESSES || buckets.join().length > MOST_CHARACTERS) {
    yield `readBuckets and writeBuckets have ${buckets.length} addresses with ${buckets.join().length} characters; the ` +
      `maximum is ${MOST_ADDRESSES} addresses with ${MOST_CHARACTERS} characters, so name common prefixes`;
  }
  for (const name of ['trainingPolicies', 'hostingPolicies']) {
    for (const entry of given[name].filter((text) => !POLICY.test(text))) {
      yield `${name} contains '${entry}'; give ARNs of managed policies such as ` +
        'arn:aws:iam::123456789012:policy/read-my-lake, with commas between them';
    }
    if (given[name].length > MOST_POLICIES) {
      yield `${name} has ${given[name].length} ARNs; the maximum is ${MOST_POLICIES}`;
    }
  }
}

// Returns addresses as {bucket, prefix}, without those that lie within another one.
function readAddresses(entries) {
  const found = entries.map((text) => ADDRESS.exec(text)?.groups).filter(Boolean);
  const parsed = found.map(({ bucket, prefix }) => ({ bucket, prefix: prefix ?? '' }));
  const isWithin = (one, other) => one.bucket === other.bucket && one.prefix.startsWith(other.prefix);
  return parsed.filter((one, index) => !parsed.some((other, place) => {
    const isSame = other.bucket === one.bucket && other.prefix === one.prefix;
    return isSame ? place < index : isWithin(one, other);
  }));
}

function allow(action, addresses) {
  const arns = addresses.map(({ bucket, prefix }) => ({ 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}/${prefix}*` }));
  return { Effect: 'Allow', Action: action, Resource: arns };
}

function allowListing(addresses) {
  return [...new Set(addresses.map(({ bucket }) => bucket))].map((bucket) => {
    const prefixes = addresses.filter((one) => one.bucket === bucket).map(({ prefix }) => `${prefix}*`);
    const statement = {
      Effect: 'Allow',
      Action: 's3:ListBucket',
      Resource: { 'Fn::Sub': `arn:\${AWS::Partition}:s3:::${bucket}` },
    };
    return prefixes.includes('*') ? statement : { ...statement, Condition: { StringLike: { 's3:prefix': prefixes } } };
  });
}

function describeAccess(given, reads, writes, policies) {
  const roles = Object.entries(policies).map(([role, documents]) => [
    role,
    {
      read: listPatterns(documents, 's3:GetObject'),
      write: listPatterns(documents, 's3:PutObject'),
      ...(ROLES[role] && given[ROLES[role]].length ? { more: ROLES[role] } : {}),
    },
  ]);
  const patterns = (addresses) => addresses.map(({ bucket, prefix }) => `${bucket}/${prefix}*`);
  return {
    roles: Object.fromEntries(roles),
    read: patterns(reads),
    write: patterns(writes),
  };
}

// Returns the objects on which policies allow an action, as bucket/key with * for any characters.
function listPatterns(policies, action) {
  const statements = policies.flatMap((policy) => policy.PolicyDocument.Statement);
  const allowed = statements.filter((one) => one.Effect === 'Allow' && [one.Action].flat().includes(action));
  const arns = allowed.flatMap((one) => one.Resource).map((resource) => resource['Fn::Sub']);
  return arns.map((arn) => arn.replace(/\.Arn\}/, '}')); // ${DataBucket} is the bucket's name
}

module.exports = BucketAccess;

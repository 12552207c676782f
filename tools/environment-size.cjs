'use strict';

// Serverless plugin: checks that the environment of each function fits into Lambda, before anything is uploaded.

// https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html: 4 KB for all variables of a function. Lambda
// measures their JSON, as its message shows: https://github.com/github-aws-runners/terraform-aws-github-runner/issues/3594
const LIMIT = 4096;
// Of the names and values that AWS generates: CloudFormation adds 13 characters to a name; an id has 36.
const SUFFIX = '-'.padEnd(13, 'x');
const ID = ''.padEnd(36, 'x');
// Parameters of the deployment that a variable has in another form than their own.
const IN_BUCKET_ACCESS = ['readBuckets', 'writeBuckets', 'trainingPolicies', 'hostingPolicies'];
const LONG = 100; // characters; shorter values are not worth naming

class EnvironmentSize {
  constructor(serverless) {
    this.serverless = serverless;
    this.hooks = { 'after:aws:package:finalize:mergeCustomProviderResources': () => this.check() };
  }

  check() {
    const provider = this.serverless.getProvider('aws');
    const problem = findProblem(
      this.serverless.service.provider.compiledCloudFormationTemplate,
      { region: provider.getRegion(), stack: provider.naming.getStackName() },
      readLists(this.serverless),
    );
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

// Returns one sentence about the function with the largest environment if Lambda would refuse it, otherwise ''.
function findProblem(template, place, lists) {
  const functions = Object.values(template.Resources).filter(({ Type }) => Type === 'AWS::Lambda::Function');
  const measured = functions.map(({ Properties }) => {
    const variables = Properties.Environment?.Variables ?? {};
    const values = Object.fromEntries(
      Object.entries(variables).map(([name, value]) => [name, evaluate(value, template, place)]),
    );
    return { name: Properties.FunctionName, variables, bytes: Buffer.byteLength(JSON.stringify(values)) };
  });
  const { name, variables, bytes } = measured.reduce((one, other) => (other.bytes > one.bytes ? other : one));
  if (bytes <= LIMIT) return '';
  const long = listParameters(variables, template, lists).filter(([, length]) => length >= LONG);
  const described = long.map(([parameter, length]) => `${parameter} (${length} characters)`).join(', ');
  return (
    `The environment of the function ${name} would have about ${bytes} bytes, and Lambda allows ${LIMIT}; shorten ` +
    `${described || "the stage's name"}; common prefixes of addresses and fewer ARNs help.`
  );
}

// The deploy parameters in a function's environment, the longest first.
function listParameters(variables, template, lists) {
  const refs = Object.values(variables).map((value) => value?.Ref).filter((ref) => template.Parameters?.[ref]);
  const own = refs.map((ref) => [ref[0].toLowerCase() + ref.slice(1), String(template.Parameters[ref].Default ?? '').length]);
  const listed = variables.BUCKET_ACCESS ? Object.entries(lists).map(([name, text]) => [name, text.length]) : [];
  return [...own, ...listed].sort(([, one], [, other]) => other - one);
}

// A text as long as the value will be.
function evaluate(value, template, place) {
  if (typeof value !== 'object' || value === null) return String(value);
  if ('Ref' in value) return refer(value.Ref, template, place);
  if ('Fn::GetAtt' in value) return locate(value['Fn::GetAtt'][0], template, place);
  if ('Fn::Sub' in value) {
    const [text, own] = [].concat(value['Fn::Sub']);
    return text.replace(/\$\{([^}]+)\}/g, (_, name) => {
      if (own?.[name]) return evaluate(own[name], template, place);
      const [resource, attribute] = name.split('.');
      return attribute ? locate(resource, template, place) : refer(name, template, place);
    });
  }
  return JSON.stringify(value); // an upper bound of Fn::If, Fn::Join and others
}

function refer(name, template, place) {
  if (template.Parameters?.[name]) return String(template.Parameters[name].Default ?? '');
  const arn = `arn:${findPartition(place.region)}`;
  const pseudo = {
    'AWS::AccountId': ''.padEnd(12, '1'),
    'AWS::Partition': findPartition(place.region),
    'AWS::Region': place.region,
    'AWS::StackName': place.stack,
    'AWS::StackId': `${arn}:cloudformation:${place.region}:${''.padEnd(12, '1')}:stack/${place.stack}/${ID}`,
    'AWS::URLSuffix': 'amazonaws.com.cn',
  }[name];
  if (pseudo) return pseudo;
  const { Type } = template.Resources[name];
  const isArn = ['AWS::SNS::Topic', 'AWS::StepFunctions::StateMachine', 'AWS::SQS::Queue'].includes(Type); // a URL is as long
  return isArn ? locate(name, template, place) : `${place.stack}-${name}${SUFFIX}`;
}

// The ARN of a resource, or another attribute, which is no longer.
function locate(name, template, place) {
  const { Type } = template.Resources[name];
  const service = Type === 'AWS::IAM::Role' ? 'iam::' : `${Type.split('::')[1].toLowerCase()}:${place.region}:`;
  const kind = { 'AWS::IAM::Role': 'role/', 'AWS::Lambda::Function': 'function:' }[Type] ?? '';
  return `arn:${findPartition(place.region)}:${service}${''.padEnd(12, '1')}:${kind}${place.stack}-${name}${SUFFIX}`;
}

function findPartition(region) {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

module.exports = EnvironmentSize;
module.exports.findProblem = findProblem;

'use strict';

// Serverless plugin: the variable ${codecommitAccess:arns}, the ARNs of the CodeCommit repositories that image builds
// may clone. Those are the repository of the trigger, and the names in the deploy parameter codecommitRepositories.
// CloudFormation itself cannot make a list of ARNs from a list of names. resources/images.yml checks the names.

class CodecommitAccess {
  constructor(serverless) {
    this.configurationVariablesSources = {
      codecommitAccess: {
        async resolve({ address, resolveVariable }) {
          if (address !== 'arns') {
            throw new serverless.classes.Error(`There is no variable \${codecommitAccess:${address}}.`);
          }
          const lists = [await resolveVariable('param:codecommitRepository')];
          lists.push(await resolveVariable('param:codecommitRepositories'));
          const names = lists.join(',').split(',').filter((name) => /^[\w.-]+$/.test(name));
          return { value: [...new Set(names)].map(describe) };
        },
      },
    };
  }
}

function describe(name) {
  return { 'Fn::Sub': `arn:\${AWS::Partition}:codecommit:\${AWS::Region}:\${AWS::AccountId}:${name}` };
}

module.exports = CodecommitAccess;

'use strict';

// Serverless plugin: "serverless remove" first deletes the stacks that "sagebuild apply" created for projects' own
// resources, as "sagebuild down" does. sagebuild/client/resources_stacks.py describes their names and tags.

const { DeleteStackCommand, DescribeStacksCommand } = require('@aws-sdk/client-cloudformation'); // osls brings it

const POLL_MS = 2000;

class OwnResources {
  constructor(serverless, _options, { log }) {
    this.serverless = serverless;
    this.log = log;
    this.hooks = { 'before:remove:remove': () => this.delete() };
  }

  async delete() {
    for (const { StackName, StackId } of await this.list()) {
      this.log.notice(`Deleting the stack ${StackName} with the own resources of a project`);
      await this.send(new DeleteStackCommand({ StackName }));
      await this.wait(StackName, StackId);
    }
  }

  async list() {
    const stack = this.serverless.getProvider('aws').naming.getStackName();
    const found = [];
    let NextToken;
    do {
      let page;
      try {
        page = await this.send(new DescribeStacksCommand({ NextToken }));
      } catch (error) {
        this.log.warning(
          `Stacks with the own resources of projects, if there are any, stay: ${error.message} They have the tag ` +
            `sagebuild:stack=${stack}, and cost money until you delete them: aws cloudformation delete-stack --stack-name NAME`,
        );
        return [];
      }
      found.push(...page.Stacks);
      ({ NextToken } = page);
    } while (NextToken);
    const isOwn = ({ StackName, Tags = [] }) =>
      StackName.endsWith('-resources') && Tags.some(({ Key, Value }) => Key === 'sagebuild:stack' && Value === stack);
    return found.filter(isOwn);
  }

  async wait(name, id) {
    for (;;) {
      const { Stacks } = await this.send(new DescribeStacksCommand({ StackName: id }));
      const { StackStatus, StackStatusReason = '' } = Stacks[0];
      if (StackStatus === 'DELETE_COMPLETE') return;
      if (!StackStatus.endsWith('_IN_PROGRESS')) {
        throw new this.serverless.classes.Error(
          `CloudFormation could not delete the stack ${name}. ${StackStatusReason} Delete what hinders it, such as the ` +
            'objects in a bucket, and repeat the removal; or keep its resources: aws cloudformation delete-stack ' +
            `--deletion-mode FORCE_DELETE_STACK --stack-name ${name}`,
        );
      }
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
    }
  }

  async send(command) {
    const client = await this.serverless.getProvider('aws').getCloudFormationClient();
    return client.send(command);
  }
}

module.exports = OwnResources;

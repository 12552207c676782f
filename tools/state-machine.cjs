'use strict';

// The state machine's definition for resources/pipeline.yml. Step Functions refuses a resource of another partition than
// its own, so the ARNs get a placeholder, which CloudFormation replaces by the partition of the stack. The file itself
// keeps the ARNs that Workflow Studio and asl-validator know.

const fs = require('node:fs');
const path = require('node:path');

const FILE = path.join(__dirname, '..', 'statemachine.asl.json');

module.exports = () => JSON.parse(fs.readFileSync(FILE, 'utf8').replaceAll('"arn:aws:states:::', '"arn:${Partition}:states:::'));

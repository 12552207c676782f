'use strict';

// Serverless plugin: fills .layer/dependencies with what requirements.txt pins, built for Lambda and not for this machine.
// The same requirements give the same bytes, so a deployment that changes nothing is skipped. The layer's archive is kept,
// because packing its thousands of files again is a third of the work of packaging.

const { execFileSync } = require('node:child_process');
const { createHash } = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const FOLDER = '.layer';
const LAYER = 'dependencies';
const ARCHIVE = `${LAYER}.zip`; // as osls names it
const REQUIREMENTS = 'requirements.txt';

class PythonLayer {
  constructor(serverless, _options, { log }) {
    this.serverless = serverless;
    this.log = log;
    this.hooks = {
      'before:package:createDeploymentArtifacts': () => {
        // The name says what the archive was made from: meanwhile, another deployment may build another layer.
        this.kept = this.resolve(FOLDER, `${this.build()}.zip`);
        this.useArchive();
      },
      'after:package:createDeploymentArtifacts': () => this.keepArchive(),
      'before:package:compileLayers': () => this.stayOffline(),
    };
  }

  // osls asks CloudFormation for the layer of the deployed stack, to upload it only when it has changed. Only a
  // deployment needs the answer; without the question, `serverless package` needs neither credentials nor a network.
  stayOffline() {
    if (this.serverless.processedInput.commands[0] !== 'package') return;
    const layers = this.serverless.pluginManager.plugins.find((plugin) => plugin.compareWithLastLayer);
    if (!layers) throw new this.serverless.classes.Error('This version of osls compares layers in another way.');
    layers.compareWithLastLayer = async () => {};
  }

  // Gives osls the kept archive where it would write its own.
  useArchive() {
    if (!fs.existsSync(this.kept)) return;
    const artifact = this.resolve('.serverless', ARCHIVE);
    fs.mkdirSync(path.dirname(artifact), { recursive: true });
    fs.copyFileSync(this.kept, artifact);
    this.serverless.service.getLayer(LAYER).package = { artifact };
  }

  keepArchive() {
    if (fs.existsSync(this.kept)) return;
    fs.copyFileSync(this.resolve('.serverless', ARCHIVE), `${this.kept}.part`);
    fs.renameSync(`${this.kept}.part`, this.kept); // so that it is whole
  }

  resolve(...names) {
    return path.join(this.serverless.serviceDir, ...names);
  }

  // Returns a digest of all that the layer is made from.
  build() {
    const root = this.serverless.serviceDir;
    const { runtime, architecture } = this.serverless.service.provider;
    const version = runtime.replace('python', '');
    const { awsServices } = this.serverless.service.custom.pythonLayer;
    const target = this.resolve(FOLDER, LAYER, 'python');
    const stamp = this.resolve(FOLDER, 'built-from');
    const python = this.find('python');
    const prepare = (...options) =>
      execFileSync(python, ['-m', 'tools.lambda_package', version, ...awsServices, ...options], { cwd: root, encoding: 'utf8' });
    const facts = prepare();
    const layer = this.serverless.service.getLayer(LAYER);
    if (!JSON.parse(facts).compiled) {
      this.log.notice(`Python ${version} is not on this machine, so the functions compile their code at each cold start.`);
    }
    const wanted = createHash('sha256')
      .update(fs.readFileSync(path.join(root, REQUIREMENTS)))
      .update(fs.readFileSync(__filename))
      .update(fs.readFileSync(path.join(root, 'tools', 'lambda_package.py')))
      .update(JSON.stringify([runtime, architecture, facts, this.serverless.version, layer]))
      .digest('hex');
    if (fs.existsSync(stamp) && fs.readFileSync(stamp, 'utf8') === wanted) return wanted;

    fs.rmSync(stamp, { force: true }); // first, because an interrupted removal leaves a part of the folder
    fs.rmSync(this.resolve(FOLDER), { recursive: true, force: true });
    this.install(root, target, version, architecture === 'arm64' ? 'aarch64' : 'x86_64');
    // Console scripts carry this machine's paths, and Lambda never runs them; .lock is uv's.
    for (const name of ['bin', '.lock']) fs.rmSync(path.join(target, name), { recursive: true, force: true });
    for (const entry of fs.readdirSync(target)) {
      if (entry.endsWith('.dist-info')) fs.rmSync(path.join(target, entry, 'RECORD'), { force: true });
    }
    prepare('--layer', target);
    fs.writeFileSync(stamp, wanted);
    return wanted;
  }

  find(program) {
    const found = this.resolve('.venv', 'bin', program);
    if (!fs.existsSync(found)) {
      throw new this.serverless.classes.Error(`${found} is missing; "make setup" installs it.`);
    }
    return found;
  }

  install(root, target, pythonVersion, machine) {
    const options = ['--target', target, '--python-version', pythonVersion, '--python-platform', `${machine}-manylinux2014`];
    execFileSync(
      this.find('uv'),
      ['pip', 'install', '--quiet', '--only-binary', ':all:', '--no-compile-bytecode', ...options, '-r', REQUIREMENTS],
      { cwd: root, stdio: 'inherit' }
    );
  }
}

module.exports = PythonLayer;

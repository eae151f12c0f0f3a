// Uploads a video with tus-js-client: breaks off in the middle, goes on where it stopped.
// Usage: node upload.js SITE ACCESS_TOKEN FILE
const fs = require("fs");
const tus = require("tus-js-client");

const [site, token, file] = process.argv.slice(2);
const options = {
  endpoint: `${site}/upload/`,
  chunkSize: 4096,
  headers: { "Access-Token": token },
  metadata: { title: "by tus-js-client", description: "恢复上传", filename: "clip.mp4" },
  uploadSize: fs.statSync(file).size,
};

function fail(error) {
  console.error(String(error));
  process.exit(1);
}

function start(extra) {
  const upload = new tus.Upload(fs.createReadStream(file), { ...options, onError: fail, ...extra });
  upload.start();
  return upload;
}

const first = start({
  onChunkComplete: (_size, accepted) => {
    if (accepted < 8192 || first.broken) return;
    first.broken = true;
    first.abort().then(() => resume(first.url, accepted));
  },
});

function resume(uploadUrl, accepted) {
  let started = null;
  let videoId = null;
  start({
    uploadUrl,
    onProgress: (sent) => { started ??= sent; },
    onAfterResponse: (_request, response) => { videoId ??= response.getHeader("Video-Id"); },
    onSuccess: () => {
      if (started < accepted) fail(`went on from ${started}, but ${accepted} had been accepted`);
      if (!videoId) fail("no Video-Id in the last answer");
      console.log(`tus-js-client: stopped at ${accepted}, went on, published video ${videoId}`);
    },
  });
}

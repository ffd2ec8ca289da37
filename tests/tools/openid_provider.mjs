// A certified OpenID provider for the tests, whose accounts and clients come as JSON in the variable PROVIDER:
// {"package": path of oidc-provider, "issuer": "" for its own address, "tls": {"cert": path, "key": path} or null,
//  "accounts": {"ada": {"groups": ["staff"], …}}, "configuration": whatever oidc-provider takes}
// It prints {"url": …} once it serves, and ends with its standard input.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createTlsServer } from "node:https";
import { pathToFileURL } from "node:url";

const told = JSON.parse(process.env.PROVIDER);
const { Provider } = await import(pathToFileURL(`${told.package}/lib/index.js`));

const files = told.tls && { cert: readFileSync(told.tls.cert), key: readFileSync(told.tls.key) };
const server = files ? createTlsServer(files) : createServer();
server.listen(0, "127.0.0.1", () => {
  const url = `${files ? "https" : "http"}://127.0.0.1:${server.address().port}`;
  const provider = new Provider(told.issuer || url, {
    ...told.configuration,
    findAccount: (_, id) => ({ accountId: id, claims: () => ({ sub: id, ...told.accounts[id] }) }),
  });
  provider.proxy = Boolean(told.issuer);
  server.on("request", provider.callback());
  console.log(JSON.stringify({ url }));
});
process.stdin.resume();
process.stdin.on("end", () => process.exit(0));

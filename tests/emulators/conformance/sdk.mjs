// Azure's own JavaScript SDKs against the emulators: does each thing once and prints what came of it as one line of JSON.
// Keys are compared here and never printed.
import { SignalRManagementClient } from "@azure/arm-signalr";
import { EventGridPublisherClient } from "@azure/eventgrid";
import { ClientSecretCredential, ManagedIdentityCredential } from "@azure/identity";
import { SecretClient } from "@azure/keyvault-secrets";

const env = process.env;
const credential =
  env.SIGN_IN === "secret"
    ? new ClientSecretCredential(env.AZURE_TENANT_ID, env.AZURE_CLIENT_ID, env.AZURE_CLIENT_SECRET, {
        authorityHost: env.AZURE_AUTHORITY_HOST,
        disableInstanceDiscovery: true,
      })
    : new ManagedIdentityCredential({ clientId: env.AZURE_CLIENT_ID });

async function collect(iterator, pick) {
  const found = [];
  for await (const one of iterator) found.push(pick(one));
  return found;
}

const arm = new SignalRManagementClient(credential, env.SUBSCRIPTION, { endpoint: env.AZURE_RESOURCE_MANAGER_URL });
const told = {};
told.resources = await collect(arm.signalR.listBySubscription(), (one) => one.name);
told.state = (await arm.signalR.get("live", "chat")).provisioningState;
const before = await arm.signalR.listKeys("live", "chat");
await arm.signalR.beginRegenerateKeyAndWait("live", "chat", { keyType: "Secondary" }, { updateIntervalInMs: 50 });
const after = await arm.signalR.listKeys("live", "chat");
told.changed = Object.keys(after).filter((name) => before[name] !== after[name]).sort();

const vault = new SecretClient(env.KEY_VAULT_URL, credential, { disableChallengeResourceVerification: true });
await vault.setSecret("fresh", "first", { tags: { CredentialId: "Primary" } });
await vault.setSecret("fresh", "second");
told.newest = (await vault.getSecret("fresh")).value;
told.versions = (await collect(vault.listPropertiesOfSecretVersions("fresh"), (one) => one.version)).length;
const deletion = await vault.beginDeleteSecret("fresh", { intervalInMs: 50 });
await deletion.pollUntilDone();
told.conflict = await vault.setSecret("fresh", "third").then(
  () => "none",
  (refused) => refused.statusCode,
);

const topic = new EventGridPublisherClient(env.EVENT_GRID_TOPIC_ENDPOINT, "CloudEvent", credential);
await topic.send([{ type: "Test.Happened", source: "/javascript", data: { a: 1 } }]);
console.log(JSON.stringify(told));

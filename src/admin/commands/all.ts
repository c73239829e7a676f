import type { Command } from '../../core/commands.ts';
import { type BuiltIn, bindCommand, type CommandGround } from '../ground.ts';
import { userClients, userLastlog, userRevoke } from './access.ts';
import { archiveKeep, archivePrune, archiveShow } from './archive.ts';
import { groupAdd, groupJoin, groupLeave, groupList, groupRemove, groupRename, groupShow } from './group.ts';
import { metricsActive, metricsShow, metricsVisitors, visitorsPrune } from './metrics.ts';
import { oauthRotateKey } from './oauth.ts';
import { userExport, userImport } from './portable.ts';
import { userPush, userPushRemove } from './push.ts';
import { reportList, reportRemove, reportShow } from './report.ts';
import { rosterRefresh, rosterStatus } from './roster.ts';
import { userSecondFactor, userSecondFactorOff } from './second-factor.ts';
import { order, reload, status } from './server.ts';
import { sessionKick, sessionList } from './session.ts';
import { uploadList, uploadRemove, uploadUsage } from './upload.ts';
import { userAdd, userList, userPasswd, userRemove, userShow } from './user.ts';

/** The server's own commands, in the order of the help. */
export const BUILT_IN: readonly BuiltIn[] = [
  userAdd,
  userPasswd,
  userRemove,
  userList,
  userShow,
  userClients,
  userRevoke,
  userLastlog,
  userPush,
  userPushRemove,
  userSecondFactor,
  userSecondFactorOff,
  userExport,
  userImport,
  sessionList,
  sessionKick,
  archiveShow,
  archiveKeep,
  archivePrune,
  reportList,
  reportShow,
  reportRemove,
  uploadList,
  uploadRemove,
  uploadUsage,
  groupList,
  groupShow,
  groupAdd,
  groupRemove,
  groupRename,
  groupJoin,
  groupLeave,
  rosterRefresh,
  rosterStatus,
  oauthRotateKey,
  metricsShow,
  metricsActive,
  metricsVisitors,
  visitorsPrune,
  status,
  reload,
  order,
];

/** Returns the commands that there are on a ground: the server's own, then those of the features. */
export function commandsOn(ground: CommandGround, ofFeatures: readonly Command[]): readonly Command[] {
  return [...BUILT_IN.map((builtIn) => bindCommand(builtIn, ground)), ...ofFeatures];
}

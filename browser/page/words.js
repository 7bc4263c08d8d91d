// What the page itself says, beside the words of the report.

import { both } from "./language.js";

export const WORDS = {
  title: both("Check a packet", "核验证据包"),
  product: both("Tiezheng", "铁证"),
  languages: both("Language", "语言"),
  origin: both(
    "This page opens no connection, and sends nothing anywhere. Whoever wrote the page can make " +
      "it say anything: take it from your own court, never from a party, and compare its SHA-256 " +
      "with the number that you were given on paper.",
    "本页不建立任何网络连接，也不向外发送任何内容。页面的作者可以让它显示任何结论：" +
      "请使用本院提供的页面，绝不使用当事人提供的页面，并将其 SHA-256 与书面告知的数值比对。",
  ),
  drop: both(
    "Drag a packet, a trust folder or a copy of the log anywhere onto this page, or choose them:",
    "将证据包、信任文件夹、日志副本拖到本页任意位置，或者在此选择：",
  ),
  packet: both("Packet", "证据包"),
  packetNote: both("from the party: a zip or a folder", "由当事人提交：zip 或文件夹"),
  trust: both("Trust folder", "信任文件夹"),
  trustNote: both(
    "your own: whom your court believes; never from the packet or its disc",
    "您自己的：本院信任谁；绝不取自证据包或其光盘",
  ),
  log: both("Copy of the log", "日志副本"),
  logNote: both(
    "a folder, if you have one: only with it is it shown that nothing was left out",
    "文件夹，如有：只有提供它，才能核对有无缺漏",
  ),
  chooseZip: both("Choose a zip", "选择 zip"),
  chooseFolder: both("Choose a folder", "选择文件夹"),
  none: both("none yet", "尚未选择"),
  remove: both("Remove", "移除"),
  options: both("Options", "选项"),
  at: both("As of", "以何时为准"),
  atNote: both(
    "such as 2041-06-01T00:00:00+08:00; empty: now",
    "如 2041-06-01T00:00:00+08:00；留空为现在",
  ),
  atBad: both("Not a time that can be read:", "无法读取的时间："),
  require: both("These decide as well", "也作为结论依据"),
  check: both("Check", "开始核验"),
  checkNeeds: both("A packet and a trust folder are needed.", "需要证据包和信任文件夹。"),
  stop: both("Stop", "停止"),
  reading: both("Reading", "读取"),
  judging: both("Checking", "核验"),
  trustAlone: both(
    "Not taken: a trust folder is given alone. One that lies beside the packet is the party's:",
    "未接受：信任文件夹须单独提供。与证据包放在一起的是当事人的：",
  ),
  busy: both(
    "A check is running. Stop it first, or wait for it; then give this again:",
    "正在核验。请先停止或等其结束，再重新提供：",
  ),
  stopped: both("Stopped. Nothing was judged.", "已停止，未作任何判定。"),
  fault: both(
    "Nothing was judged: this page or the browser failed.",
    "未作任何判定：本页或浏览器出错。",
  ),
  unreadable: both("Not readable. Nothing was judged.", "无法读取，未作任何判定。"),
  notChecked: both("Not checked here", "此处不核验"),
  notCheckedNote: both(
    "What falls under these is undecided here, never passed. The command tiezheng verify checks it.",
    "涉及以下事项的，此处一律不能判定，绝不显示为通过；可用 tiezheng verify 命令核验。",
  ),
  steps: both("What was checked", "核验步骤"),
  shows: both("shows: ", "证明："),
  wouldShow: both("would show: ", "本应证明："),
  doesNotShow: both("does not show: ", "限度："),
  nothingRun: both("undecided, not checked", "不能判定，未检查"),
  aboutPacket: both("the packet", "证据包"),
  aboutCheckpoint: both("the checkpoint", "检查点"),
  chunks: both("Chunks", "分块"),
  chunksNote: both(
    "A file is fixed in chunks of 262,144 bytes. A packet holds the root over all chunks of a " +
      "file, not a list of them: so a file in it is right or wrong as a whole, and which chunk " +
      "was changed cannot be told. Of a clip it is known which chunks of the original are shown. " +
      "Drop a single copy of a file that passed, and it is compared chunk by chunk.",
    "文件以 262144 字节为一分块固定。证据包只载有每个文件全部分块的总根值，并无分块清单：" +
      "因此包内文件只能整体判为相符或不相符，不能指出改动在哪一块。片段所展示的是原件的哪些分块，" +
      "则可以得知。将通过核验的文件的另一份复制件单独拖入，即可逐块比对。",
  ),
  whole: both("whole, as fixed", "完整，与固定时一致"),
  wrong: both("not what was fixed", "与固定的不符"),
  unknown: both("not shown to be what was fixed", "不能证明与固定时一致"),
  shownPart: both("shown, as fixed", "已展示，与固定时一致"),
  notShown: both("not shown", "未展示"),
  sameChunk: both("the same", "相同"),
  otherChunk: both("another", "不同"),
  timeline: both("Recordings in time", "录像时间轴"),
  timelineNote: both(
    "To scale, by the times that recorders and filers claim, corrected where a clock was measured. " +
      "A blank stretch is one of which this packet shows no recording; an empty bar, a recording " +
      "whose file it does not hold as it was fixed.",
    "按比例绘制；时间为设备或提交人自称，时钟经实测的已校正。空白处为本证据包未出示录像的时段；空心条为证据包未附有与固定时一致的文件的录像。",
  ),
  noRecordings: both(
    "No statement shown here claims a time of recording.",
    "所示陈述均未称录制时间。",
  ),
  from: both("From", "起"),
  to: both("To", "止"),
  gapBefore: both("Gap before", "此前空白"),
  corrected: both("corrected", "已校正"),
  gaps: both("What a station noted as not adding up", "采集站记录的异常"),
  file: both("File", "文件"),
  files: both("Files that the statements speak of", "陈述所涉文件"),
  entry: both("Entry", "条目"),
  signedBy: both("Signed by", "签名人"),
  existedBy: both("Existed by", "不晚于"),
  order: both("Order", "先后"),
  notProven: both("not shown", "不能证明"),
  absent: both("not in this packet", "未附于本证据包"),
  partOnly: both("a part only: ", "只展示片段："),
  show: both("Show", "播放"),
  showing: both("Showing, from the bytes that were checked: ", "正在播放经核验的内容："),
  refused: both("Not played: it did not pass.", "不予播放：未通过核验。"),
  changed: both(
    "Not played: what lies there now cannot be shown to be what was checked.",
    "不予播放：不能证明现存内容即经核验的内容。",
  ),
  refusedWhole: both(
    "Not played: integrity as a whole was not shown.",
    "不予播放：完好性整体未获证明。",
  ),
  ofNothing: both(
    "Not played: what speaks of it counts for nothing.",
    "不予播放：提及该文件的陈述不予计入。",
  ),
  noPlayer: both("proven; no browser plays this kind", "已核验；浏览器不支持播放此类文件"),
  more: both(" more; the saved report has them all", " 项从略；保存的报告列出全部"),
  forNothing: both("COUNTS FOR NOTHING, see Signatures", "不予计入，见“签名”一项"),
  favourable: both("SPEAKS FOR THE PARTY", "有利于当事人"),
  save: both("Save the report (JSON)", "保存报告（JSON）"),
  print: both("Print", "打印"),
  checkpoint: both("Checkpoint", "检查点"),
  log1: both("Log", "日志"),
  seen: both("Seen by the quorum", "达到法定人数的时间"),
  noQuorum: both("no quorum", "未达法定人数"),
  cosignedBy: both("Cosigned by", "联合签名人"),
  nobody: both("nobody", "无"),
  policy: both("Policy", "策略"),
  decision: both("Decision, dated", "决定书所载日期"),
  compareDate: both("compare with the paper as served", "请与送达的纸质决定书核对"),
  single: both("A single file", "单个文件"),
  sha256: both("SHA-256", "SHA-256"),
  chunkRoot: both("Root over its chunks", "分块总根值"),
  size: both("Size", "大小"),
  bytes: both("bytes", "字节"),
  isItem: both(
    "It is, byte for byte, what the packet holds as ",
    "与证据包中的下列文件逐字节相同：",
  ),
  notPassed: both(
    ": of which it is not shown that it is what was fixed",
    "，但不能证明该文件与固定时一致",
  ),
  isNone: both("The packet holds no such file.", "证据包中没有这个文件。"),
  isNoneChecked: both(
    "Check a packet first, and it will be said whether the file is in it.",
    "请先核验证据包，然后才能判断该文件是否在其中。",
  ),
  closest: both("Closest to it is ", "与其最接近的是："),
  closestNote: both("chunks of the same place are the same: ", "同一位置上相同的分块数："),
};
